"""
How many messages each credential handed over in the last hour.

The store knows it over restarts and for all nodes; it is asked now and then, and what this process takes in between is
counted on top. So a rate is exact with one node, and with several within what they take between two looks.

Pure: no I/O, no clock, no chance.
"""

from collections import OrderedDict
from dataclasses import dataclass

HOUR = 3_600.0
LOOK_EVERY = 30.0  # seconds
_ENTRIES = 10_000


@dataclass(slots=True)
class _Count:
    looked_at: float
    taken: int


class Rates:
    """Counts by name of the credential. What it holds is bounded: the one longest not looked at makes room."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def is_stale(self, name: str, now: float) -> bool:
        """Whether the store is to be asked again: call ``looked``, then go on."""
        count = self._counts.get(name)
        return count is None or not count.looked_at <= now < count.looked_at + LOOK_EVERY

    def looked(self, name: str, taken: int, now: float) -> None:
        """Note what the store says of the hour that ends ``now``."""
        self._counts[name] = _Count(now, taken)
        self._counts.move_to_end(name)
        if len(self._counts) > _ENTRIES:
            self._counts.popitem(last=False)

    def spent(self, name: str, rate: int) -> bool:
        """Whether there is no room for another message; a rate of 0 has room for any number."""
        count = self._counts.get(name)
        return bool(rate) and count is not None and count.taken >= rate

    def take(self, name: str) -> None:
        """Count a message before it is written, so that no other takes its room meanwhile."""
        if name in self._counts:
            self._counts[name].taken += 1

    def give_back(self, name: str) -> None:
        """Uncount a message that was not written."""
        if name in self._counts:
            self._counts[name].taken = max(0, self._counts[name].taken - 1)
