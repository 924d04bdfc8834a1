"""
Which addresses may be connected to because a stranger's DNS, or a stranger's address literal, says so.

Any sender, and any owner of a domain, can aim the outgoing client: by ``user@[127.0.0.1]``, by an MX, by an A record.
The check is made on the address that is connected to, at the moment of connecting, never on a name.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_Network = IPv4Network | IPv6Network

# IANA's special-purpose registries (RFC 6890), as far as a mail server cannot lawfully be there.
_CLOSED: tuple[tuple[_Network, str], ...] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a carrier's inner network"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.168.0.0/16", "a private network"),
        ("198.18.0.0/15", "a benchmarking network"),
        ("224.0.0.0/3", "multicast or reserved"),
        ("::/128", "no address"),
        ("::1/128", "loopback"),
        ("::/96", "an IPv4-compatible address"),
        ("::ffff:0:0/96", "an IPv4-mapped address"),
        ("64:ff9b::/96", "a translated address"),
        ("64:ff9b:1::/48", "a translated address"),
        ("100::/64", "discard-only"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "a private network"),
        ("ff00::/8", "multicast"),
    )
)
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056: bits 16 to 47 are an IPv4 address


class Guard:
    """Says of an address why it must not be connected to. ``allowed`` are networks that an operator opened."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """
        Open these networks (``"127.0.0.0/8"``, ``"10.1.2.3"``).

        Raises:
            ValueError: One of them is not a network.
        """
        self._allowed = tuple(ip_network(network) for network in allowed)

    def refusal(self, address: str) -> str:
        """Say why ``address`` must not be connected to: ``"127.0.0.1 is loopback"``; "" when it may be."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return f"{address} is not an address"
        if any(parsed in network for network in self._allowed):
            return ""
        what = _closed(parsed)
        return f"{address} is {what}" if what else ""


def _closed(address: IPv4Address | IPv6Address) -> str:
    for network, what in _CLOSED:
        if address in network:
            return what
    if isinstance(address, IPv6Address) and address in _SIX_TO_FOUR:
        return _closed(IPv4Address(int(address) >> 80 & 0xFFFFFFFF))
    return ""
