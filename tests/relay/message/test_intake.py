"""Tests of relay/message/intake.py."""

import pytest

from relay.message.intake import Intake, examine
from relay.settings import MetadataSettings
from store.nouns import TrackingMode

AT = 1_795_434_120.0


def look(raw: bytes) -> Intake:
    return examine(raw, now=AT, make_id="77", hostname="mx.example.org", metadata=MetadataSettings())


def test_a_whole_mail() -> None:
    """All that acceptance asks for is read at once."""
    raw = (
        b"Received: x\r\nReceived: y\r\nFrom: Ann <ann@example.org>\r\nSubject: =?utf-8?q?R=C3=BCck?=\r\n stand\r\n"
        b"Date: now\r\nMessage-ID: <1@example.org>\r\nX-Homing-Customer: 7\r\nX-Homing-Track: what\r\n"
        b"Content-Type: text/html\r\n\r\n<p>gr\xc3\xbc\xc3\x9fe</p>\r\n"
    )
    found = look(raw)
    assert (found.header_from, found.from_count, found.subject) == ("ann@example.org", 1, "Rück stand")
    assert (found.header_message_id, found.added_fields, found.hops) == ("1@example.org", b"", 2)
    assert (found.header_fields, found.header_octets) == (9, raw.index(b"\r\n\r\n") + 2)
    assert (found.no_pixel_why, found.eight_bit, found.long_lines) == ("", True, False)
    assert found.controls.customer == "7"
    assert found.warnings == found.controls.warnings
    assert len(found.warnings) == 1


def test_missing_date_and_message_id_are_added() -> None:
    """A mail without Date or Message-ID gets both, as whole header lines (RFC 6409 section 8)."""
    found = look(b"From: a@example.org\r\n\r\nx" + b"y" * 999)
    assert found.header_message_id == "77@mx.example.org"
    assert found.added_fields == (b"Date: Mon, 23 Nov 2026 11:42:00 +0000\r\nMessage-ID: <77@mx.example.org>\r\n")
    assert found.long_lines
    assert not found.eight_bit


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        (b"ann@example.org", ["ann@example.org"]),
        (b"<ann@example.org>", ["ann@example.org"]),
        (b'"x <evil@example.net>" <ann@example.org>', ["ann@example.org"]),
        (b"ann@example.org (evil@example.net)", ["ann@example.org"]),
        (b"=?utf-8?q?=3Cevil=40example.net=3E?= <ann@example.org>", ["ann@example.org"]),
        (b"a@example.org, B <b@example.org>", ["a@example.org", "b@example.org"]),
        (b'"a, b" <c@example.org>', ["c@example.org"]),
        (b'<"a b"@example.org>', ['"a b"@example.org']),
        (b"team: a@example.org, b@example.org;", ["a@example.org", "b@example.org"]),
        (b"ann", []),
        (b"<>", []),
        (b"", []),
        ("ä@exämple.org".encode(), ["ä@exämple.org"]),
    ],
)
def test_from_addresses(value: bytes, addresses: list[str]) -> None:
    """The addresses of From are found, and none that only stands in a name or a comment."""
    found = look(b"From: " + value + b"\r\n\r\n")
    assert list(found.header_from_all) == addresses
    assert found.header_from == (addresses[0] if addresses else "")


def test_two_from_fields_are_counted() -> None:
    """Each From field counts, and the addresses of all are known."""
    found = look(b"From: a@b.c\r\nfrom : d@e.f\r\n\r\n")
    assert (found.from_count, found.header_from_all) == (2, ("a@b.c", "d@e.f"))


def test_tracking_off_is_a_reason() -> None:
    """A mail that asks for no tracking gets no pixel, and that is the reason, whatever else it is."""
    found = look(b"X-Homing-Track: no\r\nContent-Type: text/html\r\n\r\n<p>")
    assert (found.no_pixel_why, found.controls.track) == ("tracking off", TrackingMode.OFF)


def test_a_header_bomb_is_measured() -> None:
    """A header of many thousand fields is counted and not read, so that it can be refused."""
    found = look(b"From: a@b.c\r\n" * 30_000 + b"\r\n")
    assert (found.header_fields, found.from_count) == (30_000, 0)
