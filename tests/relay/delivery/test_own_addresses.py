"""Which addresses are ourselves, also behind a listener on a wildcard (N11)."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.guard import Guard
from relay.delivery.own_addresses import FRESH, OwnAddresses, machine_addresses, read_address
from tests.conftest import Clock

MACHINE = frozenset({"192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"})


def own(clock: Clock, *listeners: tuple[str, int], allow: tuple[str, ...] = ()) -> OwnAddresses:
    return OwnAddresses(listeners, port=25, guard=Guard(allow), clock=clock, machine=lambda: MACHINE)


@pytest.mark.parametrize(
    ("listener", "ours", "others"),
    [
        (("192.0.2.7", 2525), ["192.0.2.7"], ["192.0.2.8", "2001:db8::7", "127.0.0.1"]),
        (("2001:DB8:0::7", 25), ["2001:db8::7"], ["192.0.2.7", "::1"]),
        (("127.0.0.1", 25), [], ["127.0.0.1", "192.0.2.7"]),
        (("0.0.0.0", 25), ["192.0.2.7"], ["192.0.2.8", "2001:db8::7", "127.0.0.1", "127.0.0.9"]),
        (("::", 25), ["192.0.2.7", "2001:db8::7"], ["2001:db8::8", "127.0.0.1", "::1"]),
        (("0.0.0.0", 2525), [], ["192.0.2.7"]),  # another mail server may have port 25 of this machine
    ],
    ids=repr,
)
def test_named_and_wildcard_listeners(
    clock: Clock, listener: tuple[str, int], ours: list[str], others: list[str]
) -> None:
    """A name counts as it is; a wildcard is every address of the machine, where its port is that of mail hosts."""
    found = own(clock, listener)
    assert [address for address in (*ours, *others) if address in found] == ours


def test_loopback_is_ours_only_where_it_may_be_connected_to(clock: Clock) -> None:
    """Else the guard's refusal is what is told (N10)."""
    found = own(clock, ("0.0.0.0", 25), allow=("127.0.0.0/8",))
    assert "127.0.0.9" in found
    assert "::1" not in found


def test_an_address_that_was_added_later_is_found(clock: Clock) -> None:
    """The machine is asked again after a minute, and not before."""
    answers = [frozenset[str](), frozenset({"192.0.2.7"})]
    found = OwnAddresses([("::", 25)], port=25, guard=Guard(), clock=clock, machine=lambda: answers.pop(0))
    assert "192.0.2.7" not in found
    clock.move(FRESH - 1)
    assert "192.0.2.7" not in found
    clock.move(1)
    assert "192.0.2.7" in found


def test_the_kernel_is_asked() -> None:
    """Loopback is on every machine, and so is the address that it would use to the outside."""
    found = machine_addresses()
    assert "127.0.0.1" in found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.250", 9))  # a datagram socket: nothing is sent
        except OSError:
            return  # a machine without a route
        assert probe.getsockname()[0] in found


def test_on_a_point_to_point_link_only_our_end_is_ours() -> None:
    """IFA_LOCAL is ours, IFA_ADDRESS is the other side then."""
    head = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 7)
    other = struct.pack("=HH4s", 8, 1, socket.inet_aton("192.0.2.1"))
    ours = struct.pack("=HH4s", 8, 2, socket.inet_aton("192.0.2.2"))
    assert list(read_address(head + other + ours)) == ["192.0.2.2"]
    assert list(read_address(head + other)) == ["192.0.2.1"]


@given(st.binary(max_size=64))
def test_whatever_the_kernel_says_is_read_to_its_end(body: bytes) -> None:
    """No exception, at most one address."""
    assert len(list(read_address(body))) <= 1
