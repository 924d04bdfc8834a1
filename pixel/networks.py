"""
Which known networks an address belongs to.

Matching is a bisection over integers in compact arrays: 32 octets a network, so that a published list of hundreds of
thousands costs some megabytes and a look-up some microseconds (``docs/opens.md`` has the figures).

Pure: no I/O, no clock, no chance.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

LISTS = ("apple-relay",)  # networks whose prefixes somebody else publishes
_REMEMBERED = 8_192  # addresses whose answer is kept; one mail provider's proxies come back all the time
_HALF = (1 << 64) - 1


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; an IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2) is that IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])  # fe80::1%eth0: the zone is the machine's own business
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@dataclass(frozen=True, slots=True)
class Spans:
    """
    First and last addresses of networks of one family, in order; no two touch.

    A number of 128 bits is two of 64, the upper half first. IPv4 addresses are in the upper half.
    """

    columns: tuple["array[int]", "array[int]", "array[int]", "array[int]"] = field(
        default_factory=lambda: (array("Q"), array("Q"), array("Q"), array("Q"))
    )

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> "Spans":
        """Take (first, last) addresses in any order, overlapping or not; each a number of 128 bits."""
        made = cls()
        starts, starts_low, ends, ends_low = made.columns
        last = -2
        for start, end in sorted(spans):
            if start > last + 1:
                starts.append(start >> 64)
                starts_low.append(start & _HALF)
                ends.append(end >> 64)
                ends_low.append(end & _HALF)
            elif end > last:
                ends[-1], ends_low[-1] = end >> 64, end & _HALF
            last = max(last, end)
        return made

    def __len__(self) -> int:
        return len(self.columns[0])

    def hold(self, high: int, low: int) -> bool:
        """Whether an address, as two halves, is within one of the spans."""
        starts, starts_low, ends, ends_low = self.columns
        at = bisect_right(starts, high)
        equal = bisect_left(starts, high, 0, at)
        if equal < at:  # several begin in this upper half: the lower one decides
            at = bisect_right(starts_low, low, equal, at)
        return at > 0 and (high, low) <= (ends[at - 1], ends_low[at - 1])


def parse_prefix(text: str) -> tuple[int, int, int]:
    """Read ``192.0.2.0/24`` or an address: version, first and last as 128 bits. ValueError for anything else."""
    base, slash, digits = text.strip().partition("/")
    address = ip_address(base)
    length: int = address.max_prefixlen
    if slash:
        if not (digits.isascii() and digits.isdigit() and int(digits) <= length):
            raise ValueError(f"{text!r} is no network: the length should be 0 to {length}")
        length = int(digits)
    hosts = address.max_prefixlen - length
    first = int(address) >> hosts << hosts
    shift = 64 if address.version == 4 else 0
    return address.version, first << shift, first + (1 << hosts) - 1 << shift


class Prefixes:
    """A set of networks of both families."""

    def __init__(self, prefixes: Iterable[str] = ()) -> None:
        """Take prefixes like ``192.0.2.0/24``; ValueError names one that is none."""
        found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for prefix in prefixes:
            version, first, last = parse_prefix(prefix)
            found[version].append((first, last))
        self.four, self.six = _of_version_4(found[4]), Spans.of(found[6])

    @classmethod
    def of_numbers(cls, four: list[tuple[int, int]], six: list[tuple[int, int]]) -> "Prefixes":
        """Take (first, last) addresses as ``parse_prefix`` gives them."""
        return cls.of_spans(_of_version_4(four), Spans.of(six))

    @classmethod
    def of_spans(cls, four: Spans, six: Spans) -> "Prefixes":
        """Take what ``four`` and ``six`` gave before."""
        made = cls()
        made.four, made.six = four, six
        return made

    def __len__(self) -> int:
        return len(self.four) + len(self.six)

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        value = int(address)
        if address.version == 4:
            return self.four.hold(value, 0)
        return self.six.hold(value >> 64, value & _HALF)


def _of_version_4(spans: list[tuple[int, int]]) -> Spans:
    """Merge them as the 32-bit numbers they are, where the next address is one more."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted((first >> 64, last >> 64) for first, last in spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return Spans.of((first << 64, last << 64) for first, last in merged)


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
        self._expected = tuple(expected)
        self._remembered: dict[str, frozenset[str]] = {}

    def replace(self, name: str, prefixes: Prefixes | None) -> None:
        """Take other networks for a name from now on; None: they are missing."""
        if prefixes is None:
            self._named.pop(name, None)
        else:
            self._named[name] = prefixes
        self._remembered.clear()

    def of(self, address: str) -> frozenset[str]:
        """Give the names of the networks that hold ``address``, none for what is no address, and of what is missing."""
        known = self._remembered.get(address)
        if known is None:
            parsed = parse_address(address)
            known = frozenset(
                name for name, prefixes in self._named.items() if parsed is not None and parsed in prefixes
            ).union(f"{name}-missing" for name in self._expected if name not in self._named)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[address] = known
        return known
