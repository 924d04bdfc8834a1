"""Tests of relay/message/re_encode.py."""

import email
import email.policy

import pytest

from relay.message.copy import copy, plan
from relay.message.line_ends import long_line
from relay.message.re_encode import LEFT

LONG = b"word " * 300
EIGHT = "größe ".encode() * 20


def sent(raw: bytes, *, seven_bit: bool = False) -> bytes:
    return copy(raw, plan(raw, seven_bit=seven_bit))


def payload(raw: bytes, number: int = 0) -> bytes:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    leaves = [part for part in parsed.walk() if not part.is_multipart()]
    found = leaves[number].get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("size", [998, 999])
def test_at_the_limit_and_one_past_it(size: int) -> None:
    """A line of 998 octets leaves as it came; one of 999 makes its part quoted-printable."""
    raw = b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + b"x" * size + b"\r\n"
    done = sent(raw)
    assert (done == raw) is (size == 998)
    assert long_line(done) < 0
    assert payload(done) == b"x" * size + b"\r\n"


def test_a_bare_text_gets_the_fields_that_it_needs() -> None:
    """A mail without MIME fields gets the two that say how it is encoded, at the end of its header."""
    done = sent(b"From: a\r\n\r\n" + LONG)
    assert done.startswith(b"From: a\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")


@pytest.mark.parametrize(
    ("fields", "body", "encoding"),
    [
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n", LONG, b"quoted-printable"),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n", "日本".encode() * 400, b"base64"),
        (b"Content-Type: application/json\r\n", LONG, b"base64"),
        (b"Content-Type: application/json\r\nContent-Transfer-Encoding: binary\r\n", LONG, b"base64"),
    ],
)
def test_the_encoding_fits_the_content(fields: bytes, body: bytes, encoding: bytes) -> None:
    """Text stays readable where it can; what is no text becomes base64; the old field takes the new value."""
    done = sent(b"MIME-Version: 1.0\r\n" + fields + b"\r\n" + body)
    assert done.count(b"Content-Transfer-Encoding: ") == 1
    assert b"Content-Transfer-Encoding: " + encoding + b"\r\n" in done
    assert payload(done) == body


def test_only_the_part_with_the_line_changes() -> None:
    """The other parts, the preamble and the epilogue are the same bytes."""
    head = b"Lines: 9\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n"
    first = b"Content-Length: 5\r\nContent-Type: text/plain\r\n\r\nshort"
    second = b"Content-Length: 1500\r\nContent-Type: text/plain\r\n\r\n"
    done = sent(head + first + b"\r\n--b\r\n" + second + LONG + b"\r\n--b--\r\nepilogue")
    assert done.startswith(head.replace(b"Lines: 9\r\n", b"") + first + b"\r\n--b\r\nContent-Type: text/plain\r\n")
    assert done.endswith(b"\r\n--b--\r\nepilogue")
    assert payload(done, 1) == LONG


def test_a_forwarded_mail_is_changed_inside() -> None:
    """A message/rfc822 part keeps its own encoding; the part inside that has the line is re-encoded."""
    inner = b"Subject: inner\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + LONG
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"\r\n--b--"
    )
    done = sent(raw)
    assert long_line(done) < 0
    assert payload(done) == LONG
    assert b"message/rfc822\r\n\r\nSubject: inner\r\n" in done


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n" + LONG + b"\r\n--b--",
        b"Content-Type: application/pkcs7-mime\r\n\r\n" + LONG,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + LONG + b"\r\n--b\r\n\r\nx\r\n--b--",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n" + LONG,
        b"X: " + b"x" * 1200 + b"\r\n\r\n",
    ],
)
def test_what_cannot_be_changed_is_left_and_told(raw: bytes) -> None:
    """Signed and encrypted parts, what is in no part, and words without white space are never cut."""
    made = plan(raw)
    assert copy(raw, made).replace(b"X:\r\n x", b"X: x") == raw
    assert LEFT in made.warnings


@pytest.mark.parametrize(
    "value",
    [
        b"word " * 400,
        b"word\t" * 400,
        b"x" * 1500 + b" " + b"y" * 900,
        b"a " + b" " * 1500 + b"b",
        b"z" * 990 + b" " * 30,
    ],
)
def test_header_lines_are_folded_at_white_space(value: bytes) -> None:
    """A long header line is folded where white space is, and unfolds to the same."""
    raw = b"Subject: " + value + b"\r\nTo: x\r\n\r\nbody"
    done = sent(raw)
    assert done.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t") == raw
    assert all(line.strip() for line in done.split(b"\r\n\r\n")[0].split(b"\r\n"))
    if b"x" * 1500 not in value and b" " * 30 not in value:
        assert long_line(done) < 0


@pytest.mark.parametrize("encoding", [b"8bit", b"7bit"])
def test_octets_over_127_for_an_old_peer(encoding: bytes) -> None:
    """For a peer without 8BITMIME the copy is all ASCII and says the same; other peers get the bytes as they came."""
    raw = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + EIGHT
        + b"\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nascii\r\n--b--\r\n"
    )
    assert sent(raw) == raw
    done = sent(raw, seven_bit=True)
    assert done.isascii()
    assert b"8bit" not in done
    assert payload(done) == EIGHT
    assert done.endswith(b"--b\r\nContent-Type: text/plain\r\n\r\nascii\r\n--b--\r\n")
