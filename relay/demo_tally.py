"""
What ``homing demo`` has seen so far, from the events alone.

Pure: no I/O, no clock, no chance.
"""

from collections import Counter, deque
from dataclasses import dataclass

from relay.tail import printable
from store.journal_record import EventRecord
from store.nouns import Reason, RecipientStatus, Verdict
from store.reasons import text as reason_text

KEPT_LINES = 200
_STATUS = {
    "delivered": RecipientStatus.DELIVERED,
    "bounced": RecipientStatus.BOUNCED,
    "suppressed": RecipientStatus.NOT_DELIVERED,
    "expired": RecipientStatus.NOT_DELIVERED,
    "cancelled": RecipientStatus.NOT_DELIVERED,
}
_LOADED_BY = {
    Verdict.PERSON: "opened by a person",
    Verdict.PROXY: "opened by a person, through the mail provider",
    Verdict.PREFETCH: "loaded automatically: cannot be known",
    Verdict.SCANNER: "loaded by a security scanner, not by a person",
}


@dataclass(slots=True)
class _Seen:
    """One recipient."""

    status: RecipientStatus = RecipientStatus.SENDING
    reason: Reason | None = None
    automatic: bool = False
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One event for the screen."""

    kind: str
    address: str
    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the summary: so many recipients with this status for this reason."""

    status: RecipientStatus
    why: str  # a plain sentence; "" when there is nothing to explain
    count: int


class Tally:
    """
    Counts recipients by what became of them.

    ``lines`` holds the newest events, oldest first; ``events`` counts all there were.
    """

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self.lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self.events = 0

    def note(self, record: EventRecord) -> None:
        """Take one event."""
        event = record.event
        self.events += 1
        seen = self._seen.setdefault(event.recipient_id, _Seen())
        if event.kind == "opened":
            self._opened(seen, event.verdict)
        elif event.kind in _STATUS:
            seen.status, seen.reason = _STATUS[event.kind], event.reason
        elif event.kind == "deferred":
            seen.deferred = True
        self.lines.append(Line(event.kind, printable(record.forward_path), _what(record)))

    @property
    def total(self) -> int:
        """How many recipients there are."""
        return len(self._seen)

    @property
    def waiting(self) -> int:
        """How many of them are still being sent to."""
        return self.counts()[RecipientStatus.SENDING]

    def counts(self) -> Counter[RecipientStatus]:
        """Give how many recipients have each status."""
        return Counter(seen.status for seen in self._seen.values())

    def summary(self) -> list[Row]:
        """Give all statuses and reasons, in the order of the statuses, the frequent first."""
        counted = Counter((seen.status, _why(seen)) for seen in self._seen.values())
        order = list(RecipientStatus)
        return [
            Row(status, why, count)
            for (status, why), count in sorted(
                counted.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1])
            )
        ]

    def _opened(self, seen: _Seen, verdict: Verdict | None) -> None:
        if verdict is None or not verdict.by_person:
            seen.automatic = True
        elif seen.status in (RecipientStatus.SENDING, RecipientStatus.DELIVERED):
            seen.status = RecipientStatus.OPENED


def _why(seen: _Seen) -> str:
    if seen.status in (RecipientStatus.BOUNCED, RecipientStatus.NOT_DELIVERED):
        return reason_text(seen.reason or Reason.UNDETERMINED).sentence
    if seen.status is RecipientStatus.DELIVERED and seen.automatic:
        return "Its pixel was loaded by a machine: whether anybody read it cannot be known."
    if seen.deferred and seen.status is not RecipientStatus.SENDING:
        return "Deferred at first, delivered at a later try."
    return ""


def _what(record: EventRecord) -> str:
    """Say in a few words what an event tells."""
    event = record.event
    if event.verdict is not None:
        return _LOADED_BY.get(event.verdict, event.verdict.value)
    if event.reply:
        return printable(event.reply)
    if event.reason is not None:
        return reason_text(event.reason).sentence
    return printable(event.note or record.subject)
