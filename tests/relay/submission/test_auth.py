"""What AUTH's answers say, and who failed too often."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.submission.auth import (
    AuthGuard,
    Garbled,
    Login,
    address_block,
    decode_answer,
    is_loopback,
    read_login,
    read_plain,
)


@pytest.mark.parametrize(
    ("message", "login"),
    [
        (b"\0ann\0secret", Login("ann", "secret")),
        (b"ann\0ann\0secret", Login("ann", "secret")),
        ("\0änn\0gehëim".encode(), Login("änn", "gehëim")),
        (b"bob\0ann\0secret", Garbled.REFUSED),
        (b"\0\0secret", Garbled.REFUSED),
        (b"\0ann\0", Garbled.REFUSED),
        (b"\0a\r\nb\0secret", Garbled.REFUSED),
        (b"\0\xff\0secret", Garbled.SYNTAX),
        (b"ann\0secret", Garbled.SYNTAX),
        (b"\0a\0b\0c", Garbled.SYNTAX),
        (b"", Garbled.SYNTAX),
    ],
)
def test_plain(message: bytes, login: Login | Garbled) -> None:
    """RFC 4616: two NULs, UTF-8, and nobody acts for another."""
    assert read_plain(message) == login


@pytest.mark.parametrize(
    ("answer", "decoded"),
    [
        (b64encode(b"ann"), b"ann"),
        (b"=", b""),
        (b"", b""),
        (b"*", Garbled.CANCELLED),
        (b"YW5", Garbled.SYNTAX),
        (b"YW 5u", Garbled.SYNTAX),
        (b"\xff\xff", Garbled.SYNTAX),
    ],
)
def test_answers_are_strict_base64(answer: bytes, decoded: bytes | Garbled) -> None:
    """Junk within base64 is not skipped."""
    assert decode_answer(answer) == decoded


@given(st.binary(), st.binary())
def test_any_bytes_are_read(one: bytes, other: bytes) -> None:
    """Whatever the bytes: a login or why not, never an exception."""
    assert isinstance(decode_answer(one), bytes | Garbled)
    assert isinstance(read_plain(one), Login | Garbled)
    assert isinstance(read_login(one, other), Login | Garbled)


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("not an address", "not an address"),
    ],
)
def test_an_ipv6_network_is_one_address(address: str, block: str) -> None:
    """Whoever has one IPv6 address has 2^64 of them."""
    assert address_block(address) == block


def test_loopback() -> None:
    """All of 127/8, and ::1."""
    assert [is_loopback(a) for a in ("127.0.0.1", "127.9.9.9", "::1", "192.0.2.1", "")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def guard(**changes: float) -> AuthGuard:
    settings = {"per_pair": 5, "per_address": 8, "window": 600.0, "entries": 100} | changes
    return AuthGuard(
        per_pair=int(settings["per_pair"]),
        per_address=int(settings["per_address"]),
        window=settings["window"],
        entries=int(settings["entries"]),
        delays=(1.0, 2.0, 4.0),
    )


def test_delays_grow_and_then_stay() -> None:
    """1, 2, 4, 4, 4 seconds."""
    it = guard()
    assert [it.failed("192.0.2.1", "ann", 0).delay for _ in range(5)] == [1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_pair_is_locked_and_nobody_else() -> None:
    """The same user from elsewhere, and another user from the same address, may go on: no application is locked out."""
    it = guard()
    for _ in range(5):
        assert not it.locked("192.0.2.1", "app", 0)
        it.failed("192.0.2.1", "app", 0)
    assert it.locked("192.0.2.1", "app", 0)
    assert not it.locked("192.0.2.2", "app", 0)
    assert not it.locked("192.0.2.1", "other", 0)


def test_an_address_that_tries_many_users_is_spent() -> None:
    """From the eighth failure on: close; pairs that failed are locked, a pair that never failed may try."""
    it = guard()
    assert [it.failed("2001:db8::" + str(n), f"user{n}", 0).spent for n in range(9)] == [False] * 7 + [True] * 2
    assert it.locked("2001:db8::ffff", "user0", 0)
    assert not it.locked("2001:db8::ffff", "app", 0)


def test_the_window_ends() -> None:
    """Ten minutes after its first failure a pair begins anew, also when the clock was set back."""
    it = guard()
    for at in (0, 100, 200, 300, 599):
        it.failed("192.0.2.1", "ann", at)
    assert it.locked("192.0.2.1", "ann", 599.9)
    assert not it.locked("192.0.2.1", "ann", 600)
    assert not it.locked("192.0.2.1", "ann", -3600)
    assert it.failed("192.0.2.1", "ann", 601).count == 1


def test_success_forgives_the_pair() -> None:
    """Who knew the password after all is no attacker."""
    it = guard()
    for _ in range(4):
        it.failed("192.0.2.1", "ann", 0)
    it.succeeded("192.0.2.1", "ann")
    assert it.failed("192.0.2.1", "ann", 0).count == 1


def test_the_tables_do_not_grow() -> None:
    """However many users are tried, memory stays; the oldest entry makes room."""
    it = guard(entries=10)
    for n in range(1000):
        it.failed(f"192.0.2.{n % 250}", f"user{n}", 0)
    assert len(it._pairs._counts) == len(it._blocks._counts) == 10
