"""The grammar of MAIL, RCPT and HELO, at the limit and one past it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.submission import replies
from relay.submission.commands import (
    ChunkCommand,
    PathCommand,
    decode_xtext,
    parse_bdat,
    parse_hello,
    parse_mail,
    parse_rcpt,
    split_command,
)
from store.nouns import Reply

MAX = 1_000_000


def mail(argument: bytes | str, *, extended: bool = True, dsn: bool = True) -> PathCommand | Reply:
    raw = argument.encode() if isinstance(argument, str) else argument
    return parse_mail(raw, extended=extended, dsn=dsn, max_size=MAX)


def rcpt(
    argument: bytes | str, *, extended: bool = True, dsn: bool = True, smtputf8: bool = False
) -> PathCommand | Reply:
    raw = argument.encode() if isinstance(argument, str) else argument
    return parse_rcpt(raw, extended=extended, dsn=dsn, smtputf8=smtputf8)


LONG_DOMAIN = ".".join(["a" * 63] * 3)  # 191 octets

GOOD_PATHS = [
    "ann@example.org",
    "ann+tag@example.org",
    "!#$%&'*+/=?^_`{|}~-@example.org",
    "a.b.c@example.org",
    '"ann lee"@example.org',
    '"a\\"b@c>d"@example.org',
    '""@example.org',
    "root@localhost",
    "ann@my_host.example.org",
    "ann@[192.0.2.1]",
    "ann@[IPv6:2001:db8::1]",
    "a" * 62 + "@" + LONG_DOMAIN,  # 256 octets with its brackets
    "reply+" + "x" * 80 + "@reply.example.org",
]

BAD_PATHS = [
    "",
    " ",
    "ann",
    "ann@",
    "@example.org",
    "ann@example.org.",
    "ann@.example.org",
    "ann@example..org",
    ".ann@example.org",
    "ann.@example.org",
    "a..b@example.org",
    "ann lee@example.org",
    "a b@c",
    "ann@-example.org",
    "ann@example-.org",
    "ann@exam ple.org",
    "ann@@example.org",
    "@relay.example:ann@example.org",
    "@a,@b:ann@example.org",
    '"ann@example.org',
    '"a"b@example.org',
    "a\rb@example.org",
    '"a\rb"@example.org',
    "a\nb@example.org",
    "a\0b@example.org",
    '"a\0b"@example.org',
    "a\tb@example.org",
    "a\x7fb@example.org",
    "ann@[192.0.2.256]",
    "ann@[192.0.2.1",
    "ann@[]",
    "ann@[IPv6:fe80::1%eth0]",
    "ann@[IPv6:192.0.2.1]",
    "ann@[x-tag:data]",
    "ann@" + "a" * 64 + ".org",
    "a" * 63 + "@" + LONG_DOMAIN,
    "ann,bob@example.org",
    "ann;bob@example.org",
    "ann(comment)@example.org",
    "<ann@example.org>",
    "|/bin/sh",
]


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_good_paths_are_taken_as_given(path: str) -> None:
    """A path comes out as it was written, without its brackets."""
    assert mail(f"FROM:<{path}>") == PathCommand(path, {})
    assert rcpt(f"TO:<{path}>") == PathCommand(path, {})


@pytest.mark.parametrize("path", BAD_PATHS)
def test_bad_paths_are_refused(path: str) -> None:
    """501 5.1.7 for a sender, 501 5.1.3 for a recipient."""
    if path:
        assert mail(f"FROM:<{path}>") is replies.BAD_REVERSE_PATH
    assert rcpt(f"TO:<{path}>") is replies.BAD_FORWARD_PATH


@pytest.mark.parametrize(
    "rest", ["ann@example.org", "<ann@example.org", "ann@example.org>", "<ann@example.org>x", "<ann@example.org>,<b@c>"]
)
def test_brackets_must_be_there_and_nothing_behind_them(rest: str) -> None:
    """An address without its brackets, or with junk glued to them, is none."""
    assert mail("FROM:" + rest) is replies.BAD_REVERSE_PATH
    assert rcpt("TO:" + rest) is replies.BAD_FORWARD_PATH


@pytest.mark.parametrize("argument", ["", "FROM", "FROM <a@b>", "TO:<a@b>", "<a@b>", "FROM=<a@b>"])
def test_mail_needs_its_word(argument: str) -> None:
    """MAIL without FROM: is 501 5.5.4; RCPT without TO: likewise."""
    assert mail(argument) is replies.BAD_MAIL
    assert rcpt(argument.replace("TO", "FROM").replace("FROM", "BY")) is replies.BAD_RCPT


def test_blanks_behind_the_colon_and_case_do_not_matter() -> None:
    """Some clients say ``mail from: <...>``; no harm in it."""
    assert mail("from: <ann@example.org>") == PathCommand("ann@example.org", {})
    assert rcpt("To:\t<ann@example.org>") == PathCommand("ann@example.org", {})


def test_null_path_is_a_sender_and_no_recipient() -> None:
    """``<>`` is the null reverse-path; as a recipient it is 501 5.1.3."""
    assert mail("FROM:<>") == PathCommand("", {})
    assert rcpt("TO:<>") is replies.BAD_FORWARD_PATH


def test_postmaster_needs_no_domain_as_recipient_only() -> None:
    """RFC 5321 section 4.5.1."""
    assert rcpt("TO:<PostMaster>") == PathCommand("PostMaster", {})
    assert mail("FROM:<postmaster>") is replies.BAD_REVERSE_PATH


def test_wide_addresses_need_smtputf8() -> None:
    """553 5.6.7 without SMTPUTF8, the code for bad addresses when it is no UTF-8 at all."""
    assert mail("FROM:<änn@exämple.org>") is replies.NEEDS_SMTPUTF8
    assert mail("FROM:<änn@exämple.org> SMTPUTF8") == PathCommand("änn@exämple.org", {"SMTPUTF8": ""})
    assert rcpt("TO:<änn@example.org>") is replies.NEEDS_SMTPUTF8
    assert rcpt("TO:<änn@example.org>", smtputf8=True) == PathCommand("änn@example.org", {})
    assert mail(b"FROM:<\xe4nn@example.org> SMTPUTF8") is replies.BAD_REVERSE_PATH
    assert rcpt(b"TO:<\xe4nn@example.org>", smtputf8=True) is replies.BAD_FORWARD_PATH
    assert rcpt("TO:<a\u2028b@example.org>", smtputf8=True) is replies.BAD_FORWARD_PATH
    assert rcpt("TO:<a\x85b@example.org>", smtputf8=True) is replies.BAD_FORWARD_PATH


@pytest.mark.parametrize(
    ("size", "answer"),
    [
        ("0", None),
        (str(MAX), None),
        (str(MAX + 1), replies.TOO_LARGE),
        ("9" * 20, replies.TOO_LARGE),
        ("18446744073709551616", replies.TOO_LARGE),
        ("9" * 21, replies.BAD_PARAMETER),
        ("-1", replies.BAD_PARAMETER),
        ("+1", replies.BAD_PARAMETER),
        ("1e3", replies.BAD_PARAMETER),
        ("0x10", replies.BAD_PARAMETER),
        ("", replies.BAD_PARAMETER),
        ("\u0661\u0662", replies.BAD_PARAMETER),  # Arabic-Indic digits
        ("1 SIZE=1", replies.BAD_PARAMETER),
    ],
)
def test_size(size: str, answer: Reply | None) -> None:
    """SIZE is 1 to 20 ASCII digits, once, and at most the limit (RFC 1870)."""
    given_ = mail(f"FROM:<a@b> SIZE={size}")
    assert given_ == (PathCommand("a@b", {"SIZE": size}) if answer is None else answer)


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("BODY=8BITMIME", None),
        ("BODY=7bit", None),
        ("BODY=BINARYMIME", replies.BAD_PARAMETER),
        ("BODY", replies.BAD_PARAMETER),
        ("SMTPUTF8=1", replies.BAD_PARAMETER),
        ("AUTH=<>", None),
        ("AUTH=e+3Dmc2@example.com", None),
        ("AUTH=", replies.BAD_PARAMETER),
        ("AUTH=a+zz", replies.BAD_PARAMETER),
        ("RET=FULL", None),
        ("RET=hdrs", None),
        ("RET=NONE", replies.BAD_PARAMETER),
        ("ENVID=QQ314159", None),
        ("ENVID=a+2Bb", None),
        ("ENVID=" + "x" * 100, None),
        ("ENVID=" + "x" * 101, replies.BAD_PARAMETER),
        ("ENVID=a+0Ab", replies.BAD_PARAMETER),
        ("ENVID=a+2bb", replies.BAD_PARAMETER),  # RFC 3461: hexadecimal digits are upper case
        ("NOTIFY=NEVER", replies.UNKNOWN_PARAMETER),
        ("FOO=BAR", replies.UNKNOWN_PARAMETER),
        ("=x", replies.BAD_PARAMETER),
        ("A\0B", replies.BAD_PARAMETER),
        ("size=1=2", replies.BAD_PARAMETER),
    ],
)
def test_mail_parameters(word: str, answer: Reply | None) -> None:
    """Names in any case, values kept as given; unknown ones are 555 5.5.4, wrong ones 501 5.5.4."""
    key, _, value = word.partition("=")
    assert mail(f"FROM:<a@b> {word}") == (PathCommand("a@b", {key: value}) if answer is None else answer)


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("NOTIFY=NEVER", None),
        ("NOTIFY=Success,Failure", None),
        ("NOTIFY=SUCCESS,NEVER", replies.BAD_PARAMETER),
        ("NOTIFY=", replies.BAD_PARAMETER),
        ("NOTIFY=,", replies.BAD_PARAMETER),
        ("ORCPT=rfc822;Ann+2Btag@Example.org", None),
        ("ORCPT=rfc822;" + "x" * 493, None),
        ("ORCPT=rfc822;" + "x" * 494, replies.BAD_PARAMETER),
        ("ORCPT=ann@example.org", replies.BAD_PARAMETER),
        ("ORCPT=utf-8;\u00e4nn@example.org", replies.BAD_PARAMETER),
        ("RET=FULL", replies.UNKNOWN_PARAMETER),
        ("SIZE=1", replies.UNKNOWN_PARAMETER),
    ],
)
def test_rcpt_parameters(word: str, answer: Reply | None) -> None:
    """ORCPT keeps its case: the report quotes it."""
    key, _, value = word.partition("=")
    assert rcpt(f"TO:<a@b> {word}") == (PathCommand("a@b", {key: value}) if answer is None else answer)


def test_parameters_need_ehlo_and_dsn() -> None:
    """After HELO there are none; without DSN those of RFC 3461 are unknown."""
    assert mail("FROM:<a@b> SIZE=1", extended=False) is replies.UNKNOWN_PARAMETER
    assert mail("FROM:<a@b>", extended=False) == PathCommand("a@b", {})
    assert mail("FROM:<a@b> RET=FULL", dsn=False) is replies.UNKNOWN_PARAMETER
    assert rcpt("TO:<a@b> NOTIFY=NEVER", dsn=False) is replies.UNKNOWN_PARAMETER


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        (b"relay.example.org", "relay.example.org"),
        (b"[192.0.2.1]", "[192.0.2.1]"),
        (b"MY_PC", "MY_PC"),
        ("BÜRO".encode(), "B?RO"),
        (b"x" * 255, "x" * 255),
        (b"x" * 256, None),
        (b"", None),
        (b"two words", None),
        (b"a\0b", None),
        (b"a\tb", None),
    ],
)
def test_hello(argument: bytes, name: str | None) -> None:
    """One printable word names a client."""
    assert parse_hello(argument) == name


@pytest.mark.parametrize(
    ("line", "split"),
    [
        (b"mail FROM:<a@b>\r\n", ("MAIL", b"FROM:<a@b>")),
        (b"QUIT \t\r\n", ("QUIT", b"")),
        (b"\r\n", ("", b"")),
        (b"  NOOP  x\r\n", ("NOOP", b"x")),
        (b"\xff\xfe\r\n", ("\ufffd\ufffd", b"")),
    ],
)
def test_split(line: bytes, split: tuple[str, bytes]) -> None:
    """Verb and argument, without the blanks around them."""
    assert split_command(line) == split


def test_xtext() -> None:
    """RFC 3461 section 4."""
    assert decode_xtext("a+2Bb+3D") == "a+b="
    assert decode_xtext("+C3+A4") == "ä"
    assert decode_xtext("a=b") is None
    assert decode_xtext("a+2") is None


GLUE = st.sampled_from(
    ["FROM:", "TO:", "<", ">", "@", '"', "\\", ".", " ", "SIZE=", "ORCPT=", "rfc822;", "a", "ä", "\0"]
)


@given(st.one_of(st.binary(max_size=300), st.lists(GLUE).map(lambda parts: "".join(parts).encode())))
@example(b"FROM:<" + b"a." * 500)
def test_any_bytes_give_a_value_or_a_refusal(argument: bytes) -> None:
    """Whatever the bytes: a command or a 5xx reply, never an exception; what is taken has no control character."""
    for command in (
        parse_mail(argument, extended=True, dsn=True, max_size=MAX),
        parse_rcpt(argument, extended=True, dsn=True, smtputf8=True),
    ):
        if isinstance(command, Reply):
            assert command.permanent
        else:
            assert command.path.isprintable()
            assert all(value.isprintable() for value in command.parameters.values())
    parse_hello(argument)
    split_command(argument)


@pytest.mark.parametrize(
    ("argument", "chunk"),
    [
        (b"0", ChunkCommand(0, last=False, good=True)),
        (b"86 LAST", ChunkCommand(86, last=True, good=True)),
        (b"86  last ", ChunkCommand(86, last=True, good=True)),
        (b"086", ChunkCommand(86, last=False, good=True)),
        (b"9" * 20, ChunkCommand(int("9" * 20), last=False, good=True)),
        (b"86 FIRST", ChunkCommand(86, last=False, good=False)),
        (b"86 LAST LAST", ChunkCommand(86, last=False, good=False)),
        (b"9" * 21, None),
        (b"", None),
        (b"LAST", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.0", None),
        (b"0x10", None),
        (b"1_0", None),
        (b"86\tLAST", None),
        ("\u0661".encode(), None),
    ],
)
def test_the_size_of_a_chunk(argument: bytes, chunk: ChunkCommand | None) -> None:
    """Digits and nothing else say how much follows; what stands behind them may be wrong without being unclear."""
    assert parse_bdat(argument) == chunk
