"""Which addresses may be connected to (robustness.md N10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.guard import Guard


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
        *("127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8"),
        *("192.168.0.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808"),
        *("fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "100::1"),
        *("2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::"),
        *("", "mx.example.org", "127.1", "0x7f.1", "1.2.3.4.5", "fe80::1%eth0"),
    ],
)
def test_closed(address: str) -> None:
    """Loopback, private, link-local, reserved, and whatever carries one of them inside; and what is no address."""
    assert Guard().refusal(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
        *("169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
        *("198.20.0.0", "223.255.255.255", "2606:4700::1111", "2002:808:808::1", "2a00:1450::1b"),
    ],
)
def test_open(address: str) -> None:
    """Public ones, and those one past each edge."""
    assert Guard().refusal(address) == ""


def test_an_operator_may_open_networks() -> None:
    """For tests and intranets; no more than what is named."""
    guard = Guard(("127.0.0.0/8", "10.1.2.3", "fd00::/8"))
    assert [guard.refusal(address) for address in ("127.0.0.1", "10.1.2.3", "fd00::1")] == ["", "", ""]
    assert guard.refusal("10.1.2.4") == "10.1.2.4 is a private network"
    assert guard.refusal("::1")


def test_a_network_that_is_none_is_told() -> None:
    """At start, by the one who builds the guard."""
    with pytest.raises(ValueError, match="example"):
        Guard(("example.org",))


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    """No exception, whatever DNS or a sender says."""
    assert isinstance(Guard().refusal(text), str)
