"""
How fast a group of destinations is spoken to: all domains whose mail goes to one provider share its limits.

A group that says "too fast" (421, or a refusal that speaks of our rate) is left alone for as long as it asked, or for a
while that grows each time, and may then have half as many connections; with mails that get through it wins them back.

Pure: no I/O, no clock, no chance.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

FIRST_PAUSE = 15.0  # seconds, where it does not say how long; twice as long each time
LONGEST_PAUSE = 900.0
BURST = 5.0  # seconds' worth of mails that may go at once after a silence


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a group of destinations is spoken to, at most."""

    connections: int  # at work at once
    per_minute: float = 0.0  # mails; 0.0: any number
    messages: int = 0  # on one connection; 0: the usual limit


@dataclass(frozen=True, slots=True)
class Slower:
    """What made us slow down: who said it, and what."""

    host: str
    address: str
    said: str


@dataclass(slots=True, eq=False)
class Group:
    """What the lanes of one group share. ``now`` is always the event loop's time, which never jumps."""

    name: str
    pace: Pace
    busy: int = 0  # connections at work or being opened
    paused_until: float = 0.0
    slower: Slower | None = None  # why it is, or was last, paused
    domains: set[str] = field(default_factory=set)  # whose mail went here lately
    waiting: OrderedDict[str, None] = field(default_factory=OrderedDict)  # keys of lanes that would use a place
    timer: bool = False  # somebody is woken when it may go on; the worker's
    limit: int = 0  # connections it may have at work now
    _pauses: int = 0  # in a row, without a mail between that got through
    _well: int = 0  # mails that got through since the limit was changed
    _tokens: float = 0.0
    _counted_at: float = -1.0

    def __post_init__(self) -> None:
        self.limit = self.pace.connections

    def room(self, now: float) -> int:
        """How many more mails may be begun now, each on a connection more."""
        if self.paused_for(now):
            return 0
        places = max(0, self.limit - self.busy)
        return min(places, self._count(now)) if self.pace.per_minute else places

    def may_begin(self, now: float) -> bool:
        """Whether one more mail may be begun on a connection at work."""
        return (
            not self.paused_for(now) and self.busy <= self.limit and (not self.pace.per_minute or self._count(now) > 0)
        )

    def begun(self) -> None:
        """Note that a mail was begun."""
        if self.pace.per_minute:
            self._tokens -= 1.0

    def wait(self, now: float) -> float:
        """Give the seconds until there may be room again; 0.0: when a connection becomes free."""
        if paused := self.paused_for(now):
            return paused
        if self.pace.per_minute and not self._count(now):
            return (1.0 - self._tokens) * 60.0 / self.pace.per_minute
        return 0.0

    def paused_for(self, now: float) -> float:
        """Give for how many seconds it is left alone; 0.0: not at all."""
        left = self.paused_until - now
        return left if 0.0 < left <= LONGEST_PAUSE else 0.0

    def slow_down(self, told: Slower, now: float, asked: float | None) -> None:
        """Note that it wants fewer mails. ``asked``: seconds it wants to be left alone. Several at once are one."""
        if self.paused_for(now):
            return
        self.slower = told
        wait = FIRST_PAUSE * 2.0 ** min(self._pauses, 10) if asked is None else asked
        self.paused_until = now + min(wait, LONGEST_PAUSE)
        self.limit = max(1, min(self.limit, self.busy or 1) // 2)
        self._pauses += 1
        self._well = 0

    def got_through(self) -> None:
        """Note that a mail got a reply that is no word about our rate."""
        self._pauses = 0
        if self.limit < self.pace.connections:
            self._well += 1
            if self._well >= 2 * self.limit:
                self._well = 0
                self.limit += 1

    def _count(self, now: float) -> int:
        """Give the whole tokens there are."""
        rate = self.pace.per_minute / 60.0
        most = max(1.0, rate * BURST)
        if self._counted_at < 0.0:
            self._tokens = most
        elif now > self._counted_at:
            self._tokens = min(most, self._tokens + (now - self._counted_at) * rate)
        self._counted_at = now
        return int(self._tokens + 1e-9)
