"""
What this process counts while it works: plain numbers, cheap to add to, read when somebody asks for metrics.

Events are counted as they are committed, by the process that committed them; so several processes or nodes on one
store add up, and none counts another's.

Pure: no I/O, no clock, no chance.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from store.events import Event
from store.ids import made_at

QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
WHOLE_WAY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 1_800.0, 14_400.0, 86_400.0)  # seconds
ATTEMPT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)  # seconds
BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)  # wishes


class Histogram:
    """How often a value fell up to each bound, and the sum of all."""

    __slots__ = ("_counts", "bounds", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.sum = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value in."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[int]:
        """For each bound, and then for infinity: how many values were not above it."""
        total, upto = 0, []
        for count in self._counts:
            total += count
            upto.append(total)
        return upto


class Measures:
    """The counts of one process."""

    def __init__(self) -> None:
        self.events: Counter[tuple[str, str, str]] = Counter()  # by kind, reason, verdict; "": none
        self.whole_way = Histogram(WHOLE_WAY)  # seconds from acceptance to the other side's 250
        self.accept = Histogram(QUICK)  # seconds from the final dot to our reply
        self.attempt = Histogram(ATTEMPT)  # seconds of one attempt, on a connection or on the way to one
        self.commit = Histogram(QUICK)  # seconds of one transaction of the writer
        self.batch = Histogram(BATCH)  # wishes of one transaction

    def committed(self, wishes: int, seconds: float, events: Sequence[Event]) -> None:
        """Count one transaction, and the events in it."""
        self.commit.observe(seconds)
        self.batch.observe(wishes)
        self.events.update([(event.kind, event.reason or "", event.verdict or "") for event in events])
        for event in events:
            if event.kind == "delivered":
                self.whole_way.observe(max(0.0, event.at - made_at(event.message_id)))
