"""
The queue in memory for one destination, and what we know of how it does.

A destination begins with one connection and may have twice as many after each mail that got a reply, up to its limit;
half as many after a connection that was lost. A host that is dead, or that takes the mail and never answers, so
holds one connection and not twenty. Where nothing is heard for a while and mails wait, a few more are tried, since one
connection that hangs says little of its host. A destination that cannot be reached is left alone for a step of the
schedule, and then one mail probes it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from relay.delivery.pacing import Group
from relay.delivery.pool import Unreachable
from relay.delivery.route import Destination
from store.nouns import Job

LONGEST_DOWN = 1800.0  # seconds
HOPEFUL = 4  # connections that a destination may have of which nothing was heard
SLOW = 5.0  # seconds that a mail takes at a destination that is slow


@dataclass(slots=True, eq=False)
class Lane:
    """Jobs for one destination that no connection works on, in order."""

    destination: Destination  # as last looked up
    group: Group
    most: int  # connections it may ever have
    jobs: deque[Job] = field(default_factory=deque)
    busy: int = 0  # connections at work or being opened
    limit: int = 1  # connections it may have at work now
    heard: int = 0  # mails that ended, in whatever way
    impatient: bool = False  # somebody looks again soon whether anything was heard; the server's of lanes
    fresh: bool = False  # all its jobs came from applications a moment ago
    slow: bool = False  # its latest mail took long
    failures: int = 0  # set-ups in a row that reached no host
    down_until: float = 0.0  # clock time
    down: Unreachable | None = None  # what the last probe was told

    @property
    def key(self) -> str:
        """The destination's."""
        return self.destination.key

    def put(self, jobs: Sequence[Job], *, fresh: bool) -> None:
        """Add jobs behind all others. ``fresh``: an application has just handed them over."""
        self.fresh = fresh and (self.fresh or not self.jobs)
        self.jobs.extend(jobs)

    def ended(self, seconds: float) -> None:
        """Note that a mail ended, and how long it took."""
        self.heard += 1
        self.slow = seconds >= SLOW

    def unheard(self) -> bool:
        """Note that nothing was heard for a while, although mails wait; give whether one connection more is tried."""
        if self.limit >= min(self.most, HOPEFUL):
            return False
        self.limit += 1
        return True

    def replied(self) -> None:
        """Note that a mail got its reply."""
        self.limit = min(self.most, self.limit * 2)

    def lost(self) -> None:
        """Note that a connection was lost, or went silent, in the middle of a mail."""
        self.limit = max(1, self.limit // 2)

    def reached(self) -> None:
        """Note that a connection was set up."""
        self.failures = 0
        self.down_until = 0.0

    def unreachable(self, told: Unreachable, now: float, steps: Sequence[float], asked: float | None = None) -> None:
        """
        Note that no host could be reached: leave it alone for a step, longer each time, half an hour at most.

        Several connections that fail together are one failure. ``asked``: seconds that it wants to be left alone.
        """
        if self.down_for(now):
            return
        self.down = told
        self.failures += 1
        self.limit = 1
        step = steps[min(self.failures, len(steps)) - 1] if asked is None else asked
        self.down_until = now + min(step, LONGEST_DOWN)

    def asked(self) -> None:
        """Note that a person wants a mail tried now: the next one probes, whatever the last probe was told."""
        self.down_until = 0.0

    def down_for(self, now: float) -> float:
        """Give for how many seconds it is to be left alone; 0.0: not at all. A clock that jumped back counts too."""
        left = self.down_until - now
        return left if 0.0 < left <= LONGEST_DOWN else 0.0
