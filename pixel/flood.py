"""
How many opens of one address are recorded. It never changes an answer.

Pure: no I/O, no clock, no chance.
"""

from functools import lru_cache
from ipaddress import IPv6Address

from pixel.networks import parse_address

RATE = 100.0  # opens a second of one address, in the long run
BURST = 3_000.0  # and at once: a mail provider's proxy opens a newsletter for thousands
_ADDRESSES = 20_000  # that are watched at once


class FloodGuard:
    """
    A token bucket per address; an IPv6 /64 is one address.

    Loopback is never limited: it is a program of ours, or a proxy that stands for everybody.
    """

    def __init__(self, *, rate: float = RATE, burst: float = BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}  # address -> tokens left, when that was

    def allows(self, address: str, now: float) -> bool:
        """Whether one more open of ``address`` may be recorded."""
        key = _key(address)
        if not key:
            return True
        tokens, at = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - at) * self._rate)
        allowed = tokens >= 1.0
        if len(self._buckets) >= _ADDRESSES:
            del self._buckets[next(iter(self._buckets))]  # the one that was used longest ago
        self._buckets[key] = (tokens - 1.0 if allowed else tokens, now)
        return allowed


@lru_cache(_ADDRESSES)
def _key(address: str) -> str:
    """Give what a bucket is found by; "" for loopback. Text that is no address shares one bucket."""
    parsed = parse_address(address)
    if parsed is None:
        return "?"
    if parsed.is_loopback:
        return ""
    if isinstance(parsed, IPv6Address):
        return format(int(parsed) >> 64, "x")
    return address
