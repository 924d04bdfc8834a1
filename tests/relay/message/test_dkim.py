"""relay/message/dkim.py: signatures that others find good, and that nobody can add to."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message.dkim import read_header, signatures
from relay.message.dkim_body import BodyHash, Canonicalization
from relay.message.line_ends import normalise
from tests.rigs.dkim import ED25519, RSA, dkimpy_says, records

AT = 1_600_000_000.7  # in the past: verifiers look at the real clock
DNS = records()
BOTH: list[Canonicalization] = ["simple", "relaxed"]
MAIL = (
    b"Received: from app by relay; Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b'From: "Club, the" <office@club.test>\r\n'
    b"To: ann@else.test\r\n"
    b"Subject:  Invoice\r\n\t INV-1042\r\n"
    b"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b"Message-ID: <1@club.test>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain\r\n"
    b"List-Unsubscribe: <https://club.test/u>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"X-Other: yes\r\n"
    b"\r\n"
    b"Dear Ann,\r\n\r\n please pay. \r\n\r\n"
)

# Header fields as programs write them, and as they should not be.
_NAMES = st.sampled_from(
    [
        "To",
        "tO",
        "Cc",
        "Subject",
        "Date",
        "Reply-To",
        "Message-ID",
        "List-Id",
        "X-Own",
        "Received",
        "Content-Type",
        "Sender",
    ]
)
_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=30)
_LINES = st.lists(_TEXT.map(str.strip).filter(bool), min_size=1, max_size=3)
_VALUES = st.tuples(
    st.sampled_from(["", " ", "\t", "  "]), _LINES, st.sampled_from(["\r\n ", "\r\n\t", "\r\n   "])
).map(lambda parts: parts[0] + parts[2].join(parts[1]))
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES).map(lambda field: f"{field[0]}:{field[1]}\r\n"), max_size=10).map("".join)
_BODY = st.lists(st.sampled_from(["Dear Ann,", "", " ", "x  y\t", "ÄÖ", ".", "--"]), max_size=12).map("\r\n".join)


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A mail with one From, in any place among other fields."""
    sender = draw(
        st.sampled_from(["office@club.test", "<Office@Club.Test>", '"a, b" <c@club.test>', "x\r\n <c@club.test>"])
    )
    body = draw(_BODY)
    return f"{draw(_FIELDS)}From: {sender}\r\n{draw(_FIELDS)}\r\n{body}\r\n".encode()


@pytest.mark.parametrize("canonicalization", BOTH)
@given(mail=mails())
def test_dkimpy_finds_both_signatures_good(canonicalization: Canonicalization, mail: bytes) -> None:
    """For any mail, RSA and Ed25519, body simple and relaxed."""
    signed = signatures(mail, [RSA, ED25519], at=AT, canonicalization=canonicalization) + mail
    assert dkimpy_says(signed, DNS, signature=0)
    assert dkimpy_says(signed, DNS, signature=1)


@given(
    raw=st.binary(max_size=300)
    | st.lists(st.sampled_from([b"From:", b"a@b.test", b"\r\n", b" ", b":", b"\0", b"\xe9"])).map(b"".join)
)
def test_whatever_the_bytes_no_exception(raw: bytes) -> None:
    """Anything with CRLF line ends is signed, or there is a reason why not."""
    mail = normalise(raw)
    header = read_header(mail)
    assert bool(header.why) == (signatures(mail, [RSA], at=AT) == b"")
    assert bool(header.why) != bool(header.from_domain)


@given(mail=mails())
def test_a_retry_has_the_same_bytes(mail: bytes) -> None:
    """The time comes from acceptance, and both algorithms give the same signature each time."""
    assert signatures(mail, [RSA, ED25519], at=AT) == signatures(mail, [RSA, ED25519], at=AT)


@given(mail=mails())
def test_lines_are_short(mail: bytes) -> None:
    """No line is over 78 octets (RFC 5322 section 2.1.1), and each behind the first is a folded one."""
    for line in signatures(mail, [RSA, ED25519], at=AT).split(b"\r\n")[:-1]:
        assert len(line) <= 78
        assert line.startswith((b"DKIM-Signature: v=1; ", b" "))


def tags(field: bytes) -> dict[str, str]:
    """Read the tags of one signature; white space taken out."""
    text = re.sub(r"\s", "", field.decode().partition(":")[2])
    return dict(tag.split("=", 1) for tag in text.split(";"))


def test_what_a_signature_says() -> None:
    """Domain, selector, time of acceptance, canonicalization; never l= nor i=."""
    first, second = signatures(MAIL, [RSA, ED25519], at=AT, canonicalization="relaxed").split(b"DKIM-Signature:")[1:]
    rsa, ed25519 = tags(b":" + first), tags(b":" + second)
    assert rsa.keys() == ed25519.keys() == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
    assert (rsa["a"], rsa["d"], rsa["s"]) == ("rsa-sha256", "club.test", "rsa1")
    assert (ed25519["a"], ed25519["d"], ed25519["s"]) == ("ed25519-sha256", "club.test", "ed1")
    assert (rsa["v"], rsa["c"], rsa["t"]) == ("1", "relaxed/relaxed", "1600000000")
    assert (rsa["h"], rsa["bh"]) == (ed25519["h"], ed25519["bh"])


def test_what_is_signed() -> None:
    """All fields a reader sees, each once more than it is there; nothing that changes on the way."""
    names = tags(signatures(MAIL, [RSA], at=AT))["h"].split(":")
    assert names == [
        *("From", "From", "Subject", "Subject", "Date", "Date", "To", "To", "Cc"),
        *("Message-ID", "Message-ID", "MIME-Version", "MIME-Version", "Content-Type", "Content-Type"),
        *("List-Unsubscribe", "List-Unsubscribe-Post"),
    ]


@pytest.mark.parametrize(
    "added",
    [
        b"From: thief@else.test",
        b"Subject: pay here instead",
        b"Date: Tue, 24 Nov 2026 09:00:00 +0000",
        b"To: bob@else.test",
        b"Cc: bob@else.test",
        b"Content-Type: text/html",
        b"Message-ID: <2@else.test>",
    ],
)
@pytest.mark.parametrize("at_the_end", [0, 1])
def test_a_second_field_breaks_the_signature(added: bytes, at_the_end: int) -> None:
    """Nobody can put a second From or Content-Type beside the signed one, nor a first Cc where there was none."""
    signed = signatures(MAIL, [RSA, ED25519], at=AT) + MAIL
    assert dkimpy_says(signed, DNS)
    assert dkimpy_says(signed, DNS, signature=1)
    fields, body = signed.split(b"\r\n\r\n", 1)
    changed = fields + b"\r\n" + added if at_the_end else added + b"\r\n" + fields
    assert not dkimpy_says(changed + b"\r\n\r\n" + body, DNS)
    assert not dkimpy_says(changed + b"\r\n\r\n" + body, DNS, signature=1)


def test_what_is_added_on_the_way_does_no_harm() -> None:
    """Received, Return-Path and whatever else a relay adds leaves the signature good."""
    signed = signatures(MAIL, [RSA], at=AT) + MAIL
    assert dkimpy_says(b"Return-Path: <>\r\nReceived: by mx\r\nX-Spam: no\r\n" + signed, DNS)


def test_text_behind_the_end_breaks_the_signature() -> None:
    """There is no l=: all of the body is signed."""
    signed = signatures(MAIL, [RSA], at=AT) + MAIL
    assert not dkimpy_says(signed + b"P.S. pay here instead\r\n", DNS)


@pytest.mark.parametrize(
    ("mail", "why"),
    [
        (b"To: ann@else.test\r\n\r\nDear Ann\r\n", "it has no From"),
        (b"\r\nFrom: a@club.test\r\n", "it has no From"),
        (b"", "it has no From"),
        (b"From: nobody\r\n\r\n", "From names no domain"),
        (b"From: a@[192.0.2.1]\r\n\r\n", "From names no domain"),
        (b"From:\r\n\r\n", "From names no domain"),
    ],
)
def test_a_mail_without_a_domain_in_from_is_not_signed(mail: bytes, why: str) -> None:
    """The reason is given."""
    assert read_header(mail).why == why
    assert signatures(mail, [RSA], at=AT) == b""


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("office@club.test", "club.test"),
        ("Office <office@CLUB.test.>", "club.test"),
        ('"thief@else.test" <office@club.test>', "club.test"),
        ("office@club.test (thief@else.test)", "club.test"),
        ("Bücher <office@bücher.test>", "xn--bcher-kva.test"),
        ("a@one.test, b@two.test", "one.test"),
    ],
)
def test_the_domain_of_from(sender: str, domain: str) -> None:
    """The address counts, never what a display name or a comment looks like; in A-labels."""
    assert read_header(f"From: {sender}\r\n\r\n".encode()).from_domain == domain


def test_a_mail_that_ends_without_crlf_is_signed_as_it_arrives() -> None:
    """SMTP ends the last line, in the body or in a header without one."""
    for mail in (b"From: a@club.test\r\n\r\nlast line  ", b"From: a@club.test\r\nSubject: last "):
        for canonicalization in BOTH:
            signed = signatures(mail, [RSA], at=AT, canonicalization=canonicalization) + mail + b"\r\n"
            assert dkimpy_says(signed, DNS), (mail, canonicalization)


def test_a_known_header_and_body_need_not_be_read_again() -> None:
    """Copies share the header, and the body up to the pixel: the result is the same."""
    header = read_header(MAIL)
    shared = BodyHash().update(MAIL, header.body, header.body + 20)
    digest = shared.copy().update(MAIL, header.body + 20).digest()
    assert signatures(MAIL, [RSA], at=AT, header=header, body_digest=digest) == signatures(MAIL, [RSA], at=AT)


def test_no_keys_no_signature() -> None:
    """Nothing is put on a mail that nobody signs."""
    assert signatures(MAIL, [], at=AT) == b""
