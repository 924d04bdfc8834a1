"""
How often a token may ask: so many requests a minute, which come back evenly, so that a short burst is let through.

Pure: no I/O, no clock, no chance.
"""

import math
from dataclasses import dataclass

_TOKENS = 10_000  # whose buckets are remembered
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a request is let through, and what its answer says of it."""

    allowed: bool
    limit: int  # requests a minute
    remaining: int
    reset: int  # seconds until all are back
    retry_after: int  # seconds; 0 where it is allowed

    def headers(self) -> dict[str, str]:
        """Give the headers of the answer."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return told if self.allowed else {**told, "Retry-After": str(self.retry_after)}


class Limits:
    """Counts requests by token."""

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._left: dict[str, tuple[float, float]] = {}  # name -> (requests left, when that was so)

    def ask(self, name: str, now: float) -> Ruling:
        """Count one request, unless there is none left."""
        left, at = self._left.pop(name, (float(self._limit), now))
        left = min(float(self._limit), left + max(0.0, now - at) * self._limit / MINUTE)
        allowed = left >= 1.0
        left -= allowed
        if len(self._left) >= _TOKENS:
            del self._left[next(iter(self._left))]
        self._left[name] = (left, now)
        return Ruling(
            allowed=allowed,
            limit=self._limit,
            remaining=int(left),
            reset=math.ceil((self._limit - left) * MINUTE / self._limit),
            retry_after=0 if allowed else max(1, math.ceil((1.0 - left) * MINUTE / self._limit)),
        )
