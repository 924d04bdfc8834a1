"""Tests of relay/message/received.py."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message import header as headers
from relay.message.received import date_time, passages, received

AT = 1_795_434_120.0  # Mon, 23 Nov 2026 11:42:00 UTC
USUAL = {"hostname": "mx.example.org", "protocol": "ESMTPSA", "queue_id": "123", "now": AT}


def test_the_field() -> None:
    """Client, address, our name, protocol, id and date stand as RFC 5321 section 4.4 wants them."""
    assert received(
        helo="app.example.org", client_address="192.0.2.1", tls="TLSv1.3 TLS_AES_256_GCM_SHA384", **USUAL
    ) == (
        b"Received: from app.example.org\r\n"
        b"\t([192.0.2.1])\r\n"
        b"\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tby mx.example.org\r\n"
        b"\twith ESMTPSA id 123;\r\n"
        b"\tMon, 23 Nov 2026 11:42:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("2001:db8::1", b"([IPv6:2001:db8::1])"),
        ("::ffff:192.0.2.1", b"([192.0.2.1])"),
        ("fe80::1%eth0", b"([IPv6:fe80::1])"),
        ("", b"app\r\n\tby"),
        ("/run/socket", b"app\r\n\tby"),
    ],
)
def test_addresses(address: str, shown: bytes) -> None:
    """An address is shown as the literal it is; what is none is left out."""
    assert shown in received(helo="app", client_address=address, **USUAL)


def test_a_hidden_client() -> None:
    """By configuration neither name nor address of the client is in the field."""
    field = received(helo="secret", client_address="192.0.2.1", hide_client=True, **USUAL)
    assert field.startswith(b"Received: from hidden.invalid\r\n\tby mx.example.org\r\n")
    assert b"secret" not in field
    assert b"192.0.2.1" not in field


@given(st.text(max_size=300), st.text(max_size=30), st.text(max_size=30))
def test_nothing_can_be_injected(helo: str, tls: str, queue_id: str) -> None:
    """Whatever the client calls itself: one field, ASCII, lines under 78 octets, no control characters."""
    field = received(helo=helo, client_address="192.0.2.1", tls=tls, **(USUAL | {"queue_id": queue_id}))
    raw = field + b"\r\nbody"
    assert [entry.name for entry in headers.fields(raw)] == ["received"]
    assert headers.scan(raw).end == len(field)
    assert all(len(line) < 78 for line in field.split(b"\r\n"))
    assert all(0x20 <= octet < 0x7F or octet in b"\r\n\t" for octet in field)


@given(st.floats(0, 4e9))
def test_dates(now: float) -> None:
    """A date reads back as the second it was written from, by the standard library."""
    assert email.utils.parsedate_to_datetime(date_time(now)).timestamp() == int(now)


@pytest.mark.parametrize(
    ("header", "times"),
    [
        (b"", 0),
        (b"Received: from a\r\n\tby relay.test\r\n\twith ESMTP id 1;\r\n", 1),
        (b"Received: from a by RELAY.test with ESMTP\r\n" * 3, 3),
        (b"received: from relay.test by mx.relay.test\r\nReceived: from a by relay.test.example\r\n", 0),
        (b"X-Note: by relay.test\r\nSubject: by relay.test\r\nReceived: by relay.test\r\n", 1),
    ],
)
def test_passages(header: bytes, times: int) -> None:
    """Only whole names of Received fields count, however they are folded; never what the body says."""
    raw = header + b"From: a@b.test\r\n\r\nReceived: from a by relay.test\r\n"
    assert passages(raw, "relay.test") == times


def test_a_name_of_many_is_no_loop() -> None:
    """``localhost`` stands in the Received fields of half the world."""
    assert passages(b"Received: from a by localhost\r\n" * 9 + b"\r\n", "localhost") == 0
