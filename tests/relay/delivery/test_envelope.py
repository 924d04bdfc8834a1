"""What a transaction says, given what the other side offers."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.envelope import (
    Envelope,
    Finding,
    Offers,
    checked_path,
    envelope,
    mail_command,
    objection,
    rcpt_command,
    read_offers,
    stuff,
    xtext,
)
from store.nouns import Job, Reason, Reply

ALL = Offers(pipelining=True, eight_bit=True, smtputf8=True, dsn=True, size=0)
COPY = b"Subject: x\r\n\r\nbody\r\n"


def offers(*lines: str) -> Offers:
    return read_offers(Reply(250, None, ("mx.example.org", *lines)))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), Offers()),
        (
            ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "STARTTLS"),
            Offers(pipelining=True, eight_bit=True, smtputf8=True, dsn=True, chunking=True, starttls=True),
        ),
        (("pipelining", "Size 1000"), Offers(pipelining=True, size=1000)),
        (("SIZE",), Offers(size=0)),
        (("SIZE 0",), Offers(size=0)),
        (("SIZE -5",), Offers(size=0)),
        (("SIZE \u0661\u0660",), Offers(size=0)),
        (("AUTH PLAIN LOGIN", "AUTH=LOGIN CRAM-MD5"), Offers(auth=frozenset({"PLAIN", "LOGIN", "CRAM-MD5"}))),
        (("", "  ", "X-UNKNOWN foo"), Offers()),
    ],
)
def test_offers_are_read(lines: tuple[str, ...], expected: Offers) -> None:
    """Case does not count, unknown keywords and wrong parameters are passed over."""
    assert offers(*lines) == expected


@pytest.mark.parametrize(
    ("path", "domain", "said"),
    [
        ("ann@example.org", "example.org", "ann@example.org"),
        ('"a b"@example.org', "example.org", '"a b"@example.org'),
        ('"a\\"<b>"@example.org', "example.org", '"a\\"<b>"@example.org'),
        ("ann@bücher.example", "xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("bücher@bücher.example", "xn--bcher-kva.example", "bücher@bücher.example"),
        ("ann@[127.0.0.1]", "", "ann@[127.0.0.1]"),
    ],
)
def test_a_path_is_said_in_ascii_where_that_is_enough(
    make_job: Callable[..., Job], path: str, domain: str, said: str
) -> None:
    """A-labels make SMTPUTF8 unnecessary as long as the local part is ASCII."""
    assert checked_path(make_job(forward_path=path, domain=domain)) == said


@pytest.mark.parametrize(
    ("path", "domain", "status"),
    [
        ("ann", "", "5.1.3"),
        ("a b@example.org", "example.org", "5.1.3"),
        ("ann@example.org>\r\nDATA", "example.org", "5.1.3"),
        ("ann@example.org> NOTIFY=NEVER", "example.org", "5.1.3"),
        ('"a\r\nRSET"@example.org', "example.org", "5.1.3"),
        ("a<b@example.org", "example.org", "5.1.3"),
        ("", "", "5.1.3"),
        ("ann@a..b", "", "5.1.2"),
    ],
)
def test_what_is_no_address_is_found_before_any_look_up(
    make_job: Callable[..., Job], path: str, domain: str, status: str
) -> None:
    """An address can never be more than an address on the wire."""
    found = checked_path(make_job(forward_path=path, domain=domain))
    assert isinstance(found, Finding)
    assert (found.reason, found.permanent, found.status) == (Reason.ADDRESS_INVALID, True, status)


def test_our_return_path_takes_the_place_of_the_senders(make_job: Callable[..., Job]) -> None:
    """So that what comes back comes to us."""
    mail = envelope(make_job(), COPY, forward_path="ann@example.org", return_path="b123@bounces.test")
    assert mail_command(mail, Offers()) == b"MAIL FROM:<b123@bounces.test>\r\n"
    assert mail.size == len(COPY)


def test_a_null_reverse_path_stays_null(make_job: Callable[..., Job]) -> None:
    """It is itself a notification: no bounce of a bounce can come into being."""
    mail = envelope(make_job(reverse_path=""), COPY, forward_path="a@b.test", return_path="b123@bounces.test")
    assert mail_command(mail, Offers()) == b"MAIL FROM:<>\r\n"


@pytest.mark.parametrize(
    ("copy", "smtputf8", "parameters"),
    [
        (COPY, False, b" SIZE=20"),
        (b"Subject: x\r\n\r\nb\xc3\xb6\r\n", False, b" SIZE=19 BODY=8BITMIME"),
        (b"Subject: x\r\n\r\nb\xc3\xb6\r\n", True, b" SIZE=19 BODY=8BITMIME"),
        (b"Subject: \xc3\xb6\r\n\r\nb\r\n", True, b" SIZE=18 BODY=8BITMIME SMTPUTF8"),
        (b"Subject: \xc3\xb6\r\n\r\nb\r\n", False, b" SIZE=18 BODY=8BITMIME"),  # sloppy, and sent by all the world
    ],
    ids=repr,
)
def test_the_content_decides_what_is_asked_for(
    make_job: Callable[..., Job], copy: bytes, parameters: bytes, *, smtputf8: bool
) -> None:
    """8BITMIME for octets over 127, SMTPUTF8 for UTF-8 in the header of a mail that came with SMTPUTF8."""
    mail = envelope(make_job(smtputf8=smtputf8), copy, forward_path="a@b.test", return_path="r@b.test")
    assert mail_command(mail, ALL) == b"MAIL FROM:<r@b.test>" + parameters + b"\r\n"


@pytest.mark.parametrize(
    ("fields", "mail_says", "rcpt_says"),
    [
        ({}, b"", b""),
        ({"ret": "HDRS", "envelope_id": "QQ314+159=x"}, b" RET=HDRS ENVID=QQ314+2B159+3Dx", b""),
        ({"ret": "nonsense"}, b"", b""),
        ({"notify": "NEVER"}, b"", b" NOTIFY=FAILURE"),
        ({"notify": "SUCCESS,DELAY"}, b"", b" NOTIFY=FAILURE,DELAY,SUCCESS"),
        ({"notify": "NEVER", "reverse_path": ""}, b"", b" NOTIFY=NEVER"),
        ({"original_recipient": "rfc822;Ann+2B@example.org"}, b"", b" ORCPT=rfc822;Ann+2B@example.org"),
        ({"original_recipient": "rfc822;a b\r\nDATA"}, b"", b""),
    ],
    ids=repr,
)
def test_delivery_reports_are_asked_for_where_offered(
    make_job: Callable[..., Job], fields: dict[str, str], mail_says: bytes, rcpt_says: bytes
) -> None:
    """RET, ENVID, NOTIFY and ORCPT (RFC 3461); we always learn of failures; never where DSN is not offered."""
    job = make_job(**fields)
    mail = envelope(job, COPY, forward_path="a@b.test", return_path="r@b.test")
    path = b"r@b.test" if job.reverse_path else b""
    assert mail_command(mail, Offers(dsn=True)) == b"MAIL FROM:<" + path + b">" + mail_says + b"\r\n"
    assert rcpt_command(mail, Offers(dsn=True)) == b"RCPT TO:<a@b.test>" + rcpt_says + b"\r\n"
    assert rcpt_command(mail, Offers()) == b"RCPT TO:<a@b.test>\r\n"


def say(**fields: object) -> Envelope:
    return Envelope(**({"reverse_path": "r@b.test", "forward_path": "a@b.test", "size": 100} | fields))  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize(
    ("mail", "offered", "by_route", "expected"),
    [
        (say(), Offers(), False, None),
        (say(), Offers(size=100), False, None),
        (say(), Offers(size=0), False, None),
        (say(), Offers(size=99), False, (Reason.MESSAGE_TOO_LARGE, "5.3.4")),
        (say(utf8_address=True), Offers(smtputf8=True), False, None),
        (say(utf8_address=True), Offers(), False, (Reason.ADDRESS_INVALID, "5.6.7")),
        (say(utf8_address=True), Offers(), True, (Reason.POLICY_REJECTED, "5.6.7")),
        (say(utf8_header=True), Offers(eight_bit=True), False, (Reason.CONTENT_REJECTED, "5.6.7")),
        (say(eight_bit=True), Offers(eight_bit=True), False, None),
        (say(eight_bit=True, eight_bit_body=True), Offers(), False, (Reason.CONTENT_REJECTED, "5.6.3")),
        (say(eight_bit=True), Offers(), False, None),  # in the header alone
    ],
    ids=repr,
)
def test_what_a_server_cannot_take_is_found_before_sending(
    mail: Envelope, offered: Offers, expected: tuple[Reason, str] | None, *, by_route: bool
) -> None:
    """Too large (D12), SMTPUTF8 (S26), 8-bit (S27): permanent; only the domain's own server speaks of the address."""
    found = objection(mail, offered, by_route=by_route)
    assert (found and (found.reason, found.status)) == expected
    assert found is None or found.permanent


@pytest.mark.parametrize(
    ("copy", "wire"),
    [
        (b"", b""),
        (b"a\r\n", b"a\r\n"),
        (b"a", b"a\r\n"),
        (b".\r\n", b"..\r\n"),
        (b".", b"..\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n..b\r\n.", b"a\r\n...b\r\n..\r\n"),
        (b"a.\r\nb.c\r\n", b"a.\r\nb.c\r\n"),
        (b"\r\n.\r\n.\r\n", b"\r\n..\r\n..\r\n"),
    ],
)
def test_dots_are_stuffed_exactly(copy: bytes, wire: bytes) -> None:
    """Each line that begins with a dot gets one more, no other; the last line gets its end."""
    assert stuff(copy) == wire


@pytest.mark.parametrize("before", [0, 1, 40_000])
@pytest.mark.parametrize("behind", [*range(32_760, 32_780), 100_000])
def test_a_dot_is_found_wherever_it_stands_in_a_large_mail(before: int, behind: int) -> None:
    """Also just where one look ends and the next begins: behind a dot that begins no line, so many octets."""
    copy = b"a" * before + b"." + b"b" * behind + b"\r\n"
    assert stuff(copy) == (b"" if before else b".") + copy
    assert stuff(copy + b".c\r\n").endswith(b"b\r\n..c\r\n")


@given(st.lists(st.text("ab.\x80", max_size=4).map(str.encode)))
def test_a_server_reads_what_was_meant(lines: list[bytes]) -> None:
    """Whatever the lines: no end of data before its time, and unstuffing gives the copy back."""
    copy = b"".join(line + b"\r\n" for line in lines)
    sent = stuff(copy).split(b"\r\n")[:-1]
    assert b"." not in sent
    assert [line.removeprefix(b".") for line in sent] == lines


@given(st.text())
def test_xtext_is_printable_ascii(text: str) -> None:
    """RFC 3461 section 4: nothing in it can end the command."""
    coded = xtext(text)
    assert all("!" <= char <= "~" and char != "=" for char in coded)


@pytest.mark.parametrize(
    ("copy", "eight_bit", "body"),
    [
        (b"Subject: x\r\n\r\nbody\r\n", False, False),
        (b"Subject: \xfc\r\n\r\nbody\r\n", True, False),
        (b"Subject: x\r\n\r\n\xfc\r\n", True, True),
        (b"Subject: \xfc", True, True),  # no empty line: what it is nobody knows
    ],
)
def test_where_octets_over_127_are(make_job: Callable[..., Job], copy: bytes, *, eight_bit: bool, body: bool) -> None:
    """In the header alone they keep no mail back."""
    mail = envelope(make_job(), copy, forward_path="ann@example.org", return_path="r@b.test")
    assert (mail.eight_bit, mail.eight_bit_body) == (eight_bit, body)
