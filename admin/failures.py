"""
Wrong passwords, counted by address: who guesses has to wait.

Pure: no I/O, no clock, no chance.
"""

from ipaddress import IPv6Address, ip_address

MAX_FAILURES = 30  # of one address, within the window
WINDOW = 600.0  # seconds
_ADDRESSES = 10_000  # whose failures are remembered


class Failures:
    """Wrong passwords by address; an IPv6 /64 is one address."""

    def __init__(self) -> None:
        self._at: dict[str, list[float]] = {}

    def too_many(self, address: str, now: float) -> bool:
        """Whether ``address`` has to wait."""
        return len(self._recent(_key(address), now)) >= MAX_FAILURES

    def note(self, address: str, now: float) -> None:
        """Count one wrong password."""
        key = _key(address)
        recent = [*self._recent(key, now), now]
        self._at.pop(key, None)
        if len(self._at) >= _ADDRESSES:
            del self._at[next(iter(self._at))]
        self._at[key] = recent

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._at.get(key, ()) if now - at < WINDOW]


def _key(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return format(int(parsed) >> 64, "x")
    return address
