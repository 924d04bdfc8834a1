"""
Which known networks an address belongs to.

Matching is a bisection over integers, so that lists of hundreds of thousands of prefixes stay cheap.

Pure: no I/O, no clock, no chance.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network

LISTS = ("apple-relay",)  # networks whose prefixes somebody else publishes
_REMEMBERED = 8_192  # addresses whose answer is kept; one mail provider's proxies come back all the time


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; an IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2) is that IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])  # fe80::1%eth0: the zone is the machine's own business
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class Prefixes:
    """A set of networks of both families."""

    def __init__(self, prefixes: Iterable[str]) -> None:
        """Take prefixes like ``192.0.2.0/24``; ValueError names one that is none."""
        four: list[IPv4Network] = []
        six: list[IPv6Network] = []
        for prefix in prefixes:
            network = ip_network(prefix, strict=False)
            if isinstance(network, IPv4Network):
                four.append(network)
            else:
                six.append(network)
        self._spans = {4: _spans(collapse_addresses(four)), 6: _spans(collapse_addresses(six))}

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        starts, ends = self._spans[address.version]
        value = int(address)
        at = bisect_right(starts, value) - 1
        return at >= 0 and value <= ends[at]


def _spans(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[list[int], list[int]]:
    """Give the first and the last addresses of networks that do not overlap, in order."""
    spans = sorted((int(network.network_address), int(network.broadcast_address)) for network in networks)
    return [start for start, _ in spans], [end for _, end in spans]


class Networks:
    """Networks with names: ``own``, ``google``, ``apple-relay``. One that is expected and missing has a name, too."""

    def __init__(self, named: Mapping[str, Iterable[str]], *, expected: Iterable[str] = ()) -> None:
        """
        Take the prefixes of each name.

        Args:
            named: Name -> prefixes; ValueError names a prefix that is none.
            expected: Names that should be there; for each that is not, every address is in ``NAME-missing``.
        """
        self._named = {name: Prefixes(prefixes) for name, prefixes in named.items()}
        self._missing = frozenset(f"{name}-missing" for name in expected if name not in self._named)
        self._remembered: dict[str, frozenset[str]] = {}

    def of(self, address: str) -> frozenset[str]:
        """Give the names of the networks that hold ``address``, none for what is no address, and of what is missing."""
        known = self._remembered.get(address)
        if known is None:
            parsed = parse_address(address)
            known = frozenset(
                name for name, prefixes in self._named.items() if parsed is not None and parsed in prefixes
            )
            known |= self._missing
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[address] = known
        return known
