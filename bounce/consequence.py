"""
Turn what came back into what is known: the only way from an attempt or a report to a change of a recipient.

Both take the same steps: name what was said (``classify.py``, ``report.py``), decide what it changes (``decide.py``,
``decide_report.py``, pure), and settle it: status, event and suppression in one transaction (promise 2).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from bounce.classify import rules
from bounce.decide import as_accepted, delivered, delivers, finding_of, of_attempt, refuses
from bounce.decide_report import kind_for, of_report
from bounce.report import Report
from store.changes import Change, RecipientFacts
from store.nouns import Attempt, Job, Reason

REPEATED = "repeated"  # kind of a report's row that only counts: its bytes were kept the first time

_STRIPES = 64


class Queue(Protocol):
    """What is needed of ``store.queue``."""

    async def settle(
        self,
        recipient_id: int,
        decide: Callable[[RecipientFacts], Change | None],
        *,
        with_history: bool = True,
    ) -> Change | None:
        """Read the facts, decide, apply the change: one transaction."""

    def settle_soon(
        self,
        recipient_id: int,
        decide: Callable[[RecipientFacts], Change | None],
        *,
        with_history: bool = True,
        foreseen: Change | None = None,
    ) -> Awaitable[Change | None]:
        """As ``settle``; ``foreseen`` is written without reading where the facts are as acceptance left them."""


class Reports(Protocol):
    """What is needed of ``store.reports``."""

    async def keep(self, recipient_id: int, at: float, kind: str, raw: bytes) -> object:
        """Keep a raw report."""

    async def holds(self, recipient_id: int, raw: bytes) -> bool:
        """Whether this very report is kept for the recipient."""


class Consequence:
    """Settles attempts and reports. Raises what the store raises (``StoreUnavailable``), and nothing of its own."""

    def __init__(self, queue: Queue, reports: Reports, *, raw_copy: int) -> None:
        """
        Keep where to settle.

        Args:
            queue: Of the store.
            reports: Of the store.
            raw_copy: Octets of each report that are kept.
        """
        self._queue = queue
        self._reports = reports
        self._raw_copy = raw_copy
        self._reading: asyncio.Future[object] | None = None  # of the rules, in a thread, when mail begins to flow
        # Two copies of one report at the same time must not both be the first: one at a time for each recipient.
        self._turns = tuple(asyncio.Lock() for _ in range(_STRIPES))

    def of_attempt(
        self, attempt: Attempt, next_attempt_at: float | None, job: Job | None = None
    ) -> Awaitable[Change | None]:
        """
        Settle one attempt to deliver.

        Args:
            attempt: How it ended.
            next_attempt_at: When the schedule tries again, Unix seconds; None when it gives up.
            job: Whose attempt it was, where that is at hand: a delivery at the first attempt is then written without
                reading the recipient back.

        Returns:
            What was changed. None: nothing, another outcome had settled the recipient, or it is gone.
        """
        if self._reading is None:
            self._reading = asyncio.get_running_loop().run_in_executor(None, rules)
        if delivers(attempt):
            return self._queue.settle_soon(
                attempt.recipient_id,
                lambda facts: delivered(facts, attempt),
                with_history=False,
                foreseen=delivered(as_accepted(job), attempt) if job is not None and job.attempts == 0 else None,
            )
        finding = finding_of(attempt)
        ends = refuses(attempt, finding) or finding.reason is Reason.MAILBOX_FULL
        return self._queue.settle_soon(
            attempt.recipient_id,
            lambda facts: of_attempt(facts, attempt, finding, next_attempt_at),
            with_history=ends,  # only a failure for good asks what came before
        )

    async def of_report(
        self, recipient_id: int, report: Report, raw: bytes, now: float, *, null_reverse_path: bool = True
    ) -> Change | None:
        """
        Settle what a report says of one recipient, then keep the report.

        The change is written before the raw copy: if the copy fails the other side sends the report again, and
        settling it again changes nothing.

        Args:
            recipient_id: From the signed return path, from nowhere else (promise 7), for what comes by SMTP.
            report: What ``raw`` says.
            raw: The report as it came.
            now: Unix seconds, UTC.
            null_reverse_path: It came with ``MAIL FROM:<>``.

        Returns:
            What was changed. None: nothing, or the recipient is gone.
        """
        copy = raw[: self._raw_copy]
        known = False
        kind = ""

        def decide(facts: RecipientFacts) -> Change | None:
            nonlocal known, kind
            known = True
            kind = kind_for(report, facts.forward_path, null_reverse_path=null_reverse_path)
            return of_report(facts, report, now, repeated=repeated, null_reverse_path=null_reverse_path)

        async with self._turns[recipient_id % _STRIPES]:
            repeated = await self._reports.holds(recipient_id, copy)
            change = await self._queue.settle(recipient_id, decide)
            if known:
                await self._reports.keep(recipient_id, now, REPEATED if repeated else kind, b"" if repeated else copy)
        return change

    async def foresee(
        self, recipient_id: int, report: Report, raw: bytes, now: float, *, null_reverse_path: bool = True
    ) -> Change | None:
        """Say what ``of_report`` would change, and change nothing."""
        repeated = await self._reports.holds(recipient_id, raw[: self._raw_copy])
        foreseen: Change | None = None

        def decide(facts: RecipientFacts) -> None:
            nonlocal foreseen
            foreseen = of_report(facts, report, now, repeated=repeated, null_reverse_path=null_reverse_path)

        await self._queue.settle(recipient_id, decide)
        return foreseen
