"""pixel/networks.py."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel.networks import Networks, Prefixes, parse_address

NESTED = ("10.0.0.0/8", "10.1.0.0/16", "192.0.2.128/25", "198.51.100.7", "2001:db8::/32", "2001:db8:1::/48")


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("192.0.2.127", False),
        ("192.0.2.128", True),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("::ffff:10.1.2.3", True),  # an IPv4 client on an IPv6 socket
        ("2001:db8:ffff::1", True),
        ("2001:db9::", False),
    ],
)
def test_at_the_edge_and_one_past_it(address: str, inside: bool) -> None:  # noqa: FBT001 - a column of the table
    """A network's first and last address are in it, their neighbours are not, nested networks or not."""
    parsed = parse_address(address)
    assert parsed is not None
    assert (parsed in Prefixes(NESTED)) is inside


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20), st.integers(0, 2**32 - 1))
def test_same_as_asking_each_network(prefixes: list[tuple[int, int]], value: int) -> None:
    """The bisection agrees with looking at each network in turn."""
    networks = [ip_network((start, length), strict=False) for start, length in prefixes]
    address = ip_address(value)
    assert isinstance(address, IPv4Address)
    assert (address in Prefixes(map(str, networks))) == any(address in network for network in networks)


@given(st.text(max_size=60))
def test_what_is_no_address_is_nowhere(text: str) -> None:
    """Any text: the networks that hold it or none, and no exception."""
    assert Networks({"all": ["0.0.0.0/0", "::/0"]}).of(text) <= {"all"}


def test_names_of_all_networks_that_hold_an_address() -> None:
    """An address may be in several, and is remembered the same."""
    networks = Networks({"own": ["192.0.2.0/24"], "google": ["192.0.0.0/16"], "none": []})
    assert [networks.of("192.0.2.1"), networks.of("192.0.2.1")] == [frozenset({"own", "google"})] * 2
    assert networks.of("203.0.113.1") == frozenset()


def test_remembered_addresses_are_bounded() -> None:
    """P7: strangers cannot fill the memory with addresses."""
    networks = Networks({"own": ["192.0.2.0/24"]})
    for n in range(10_000):
        networks.of(f"198.51.{n // 250}.{n % 250}")
    assert len(networks._remembered) <= 8_192


def test_prefix_that_is_none_is_told() -> None:
    """A mistake in the configuration is named."""
    with pytest.raises(ValueError, match="office"):
        Prefixes(["office"])
