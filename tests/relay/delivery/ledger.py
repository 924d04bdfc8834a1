"""
What delivery needs of a store, in memory: for scenarios in virtual time and for faults that a real store seldom has.

``test_worker_with_store.py`` runs the same worker on the real one.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from store.errors import StoreUnavailable
from store.nouns import Attempt, ContentRef, Job, Phase


@dataclass
class Row:
    """One recipient."""

    job: Job
    state: str  # "due", "claimed", "delivered", "failed"
    due_at: float = 0.0


@dataclass
class Ledger:
    """A queue, the contents and the consequence in one. ``broken`` makes every write fail."""

    clock: Callable[[], float]
    broken: bool = False
    rows: dict[int, Row] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    attempts: list[tuple[Attempt, float | None]] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)  # of those that are held
    reads: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    mark_error: Exception | None = None
    read_error: Exception | None = None

    def add(self, job: Job, content: bytes = b"Subject: x\r\n\r\nbody\r\n", *, state: str = "due") -> Job:
        self.contents[job.message_id] = content
        self.rows[job.recipient_id] = Row(job, state, self.clock())
        return job

    def of(self, recipient_id: int) -> list[Attempt]:
        return [attempt for attempt, _ in self.attempts if attempt.recipient_id == recipient_id]

    def states(self) -> list[str]:
        return [row.state for row in self.rows.values()]

    async def claim_due(self, limit: int, *, exclude_domains: Collection[str] = ()) -> list[Job]:
        self._check()
        due = [
            row
            for row in self.rows.values()
            if row.state == "due" and row.due_at <= self.clock() and row.job.domain not in exclude_domains
        ]
        due = sorted(due, key=lambda row: row.due_at)[:limit]
        for row in due:
            row.state = "claimed"
        return [row.job for row in due]

    async def next_due_at(self) -> float | None:
        return min((row.due_at for row in self.rows.values() if row.state == "due"), default=None)

    def mark_dot_at_once(self, job: Job) -> bool:
        return job.heard > 0

    async def mark_dot(self, recipient_id: int) -> None:
        self._check()
        if self.mark_error is not None:
            raise self.mark_error
        self.marked.append(recipient_id)

    async def give_back(self, recipient_ids: Sequence[int], *, next_attempt_at: float | None = None) -> None:
        self._check()
        self.given_back.extend(recipient_ids)
        for recipient_id in recipient_ids:
            row = self.rows[recipient_id]
            assert row.state == "claimed"
            row.state, row.due_at = "due", next_attempt_at or self.clock()

    async def hold(self, recipient_ids: Sequence[int], *, note: str = "") -> int:
        self._check()
        for recipient_id in recipient_ids:
            self.rows[recipient_id].state = "held"
            self.notes[recipient_id] = note
        return len(recipient_ids)

    async def read(self, ref: ContentRef) -> bytes:
        if self.read_error is not None:
            raise self.read_error
        self.reads.append(ref.message_id)
        return self.contents[ref.message_id]

    async def of_attempt(self, attempt: Attempt, next_attempt_at: float | None, job: Job) -> object:
        assert job.recipient_id == attempt.recipient_id
        self._check()
        self.attempts.append((attempt, next_attempt_at))
        self.changed.set()
        row = self.rows[attempt.recipient_id]
        assert row.state == "claimed"
        reply = attempt.reply
        permanent = attempt.permanent if attempt.permanent is not None else reply is not None and reply.permanent
        if attempt.phase is Phase.END_OF_DATA and reply is not None and reply.positive:
            row.state = "delivered"
        elif permanent or next_attempt_at is None:
            row.state = "failed"
        else:
            row.state, row.due_at = "due", next_attempt_at
            row.job = replace(row.job, attempts=row.job.attempts + 1)
        return None

    def _check(self) -> None:
        if self.broken:
            raise StoreUnavailable("the disk of the store is full", full=True)
