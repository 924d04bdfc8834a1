"""
The jobs in hand: from the moment they are ours until the store has their outcome, or has them back.

A job leaves the hand in no other way.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from bounce.decide import delivers
from relay.delivery.asked import asked_by, steps_for
from relay.delivery.ports import Consequence, Keep, Queue
from relay.delivery.schedule import next_attempt
from relay.delivery.settling import Settling
from relay.delivery.shelf import Shelf
from relay.settings import DeliverySettings
from store.nouns import Attempt, Job


class Hand:
    """Knows every job in hand. ``on_less`` is called after each that left, with the number of those that stay."""

    def __init__(
        self,
        *,
        queue: Queue,
        consequence: Consequence,
        shelf: Shelf,
        settling: Settling,
        keep: Keep,
        settings: DeliverySettings,
        random: Callable[[], float],
        on_less: Callable[[int], None],
    ) -> None:
        self._queue = queue
        self._consequence = consequence
        self._shelf = shelf
        self._settling = settling
        self._keep = keep
        self._steps = settings.schedule
        self._random = random
        self._on_less = on_less
        self._jobs: dict[int, Job] = {}
        self._leaving: set[int] = set()  # those that are being settled or given back
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def staying(self) -> list[Job]:
        """Jobs that are neither being settled nor being given back."""
        return [job for job in self._jobs.values() if job.recipient_id not in self._leaving]

    async def empty(self) -> None:
        """Wait until there is no job in hand."""
        await self._empty.wait()

    def take(self, jobs: Iterable[Job], content: bytes | None) -> list[Job]:
        """Take jobs, with the content of their message where it is at hand. Gives those that were not in hand."""
        new = {job.recipient_id: job for job in jobs if job.recipient_id not in self._jobs}
        if new:
            self._jobs |= new
            self._empty.clear()
            self._shelf.expect(new.values())
            if content is not None:
                self._shelf.put(next(iter(new.values())).message_id, content)
        return list(new.values())

    def settle(self, job: Job, attempt: Attempt, *, least: float = 0.0, transcript: str = "") -> None:
        """
        Settle an attempt in the background.

        ``least``: seconds to wait at least before the next one. ``transcript``: what was said in this one.
        """
        if transcript:
            self._keep(job.recipient_id, attempt.at, transcript)
        next_attempt_at = None if delivers(attempt) else self._next_attempt(job, attempt, least)
        self._leaving.add(job.recipient_id)
        self._settling.write(
            lambda: self._consequence.of_attempt(attempt, next_attempt_at, job), lambda: self.let_go((job,))
        )

    def _next_attempt(self, job: Job, attempt: Attempt, least: float) -> float | None:
        return next_attempt(
            attempts=job.attempts + 1,
            now=attempt.at,
            expires_at=job.expires_at,
            steps=self._steps_after(job, attempt),
            spread=self._random(),
            lifetime=job.expires_at - job.accepted_at,
            least=least,
        )

    def _steps_after(self, job: Job, attempt: Attempt) -> Sequence[float]:
        """Give the waits to use: the schedule's, or what the other side asked for."""
        if attempt.reply is None or attempt.reply.positive:
            return self._steps
        return steps_for(asked_by(attempt.reply, attempt.phase), job.attempts + 1, self._steps)

    def give_back(self, jobs: Sequence[Job], *, at: float | None = None) -> None:
        """Return jobs to the store, due at ``at`` (Unix seconds; None: now), in the background."""
        if jobs:
            ids = [job.recipient_id for job in jobs]
            self._leaving.update(ids)
            self._settling.write(lambda: self._queue.give_back(ids, next_attempt_at=at), lambda: self.let_go(jobs))

    def hold(self, job: Job, note: str) -> None:
        """Keep a job back until a person releases it, in the background; its event says why."""
        self._leaving.add(job.recipient_id)
        self._settling.write(lambda: self._queue.hold([job.recipient_id], note=note), lambda: self.let_go([job]))

    def refuse(self, jobs: Sequence[Job]) -> None:
        """Return jobs that were never taken in hand."""
        if jobs:
            ids = [job.recipient_id for job in jobs]
            self._settling.write(lambda: self._queue.give_back(ids), lambda: None)

    def let_go(self, jobs: Iterable[Job]) -> None:
        """Forget jobs: the store has them."""
        for job in jobs:
            self._leaving.discard(job.recipient_id)
            if self._jobs.pop(job.recipient_id, None) is not None:
                self._shelf.done(job)
                self._on_less(len(self._jobs))
        if not self._jobs:
            self._empty.set()
