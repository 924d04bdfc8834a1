"""
One endpoint's own loop: events of the journal become calls, and calls are made, a few at once.

It waits for nobody and nobody waits for it: a receiver that hangs holds its own calls only. Whatever it holds when it
is cancelled comes up again after the lease.
"""

import asyncio
import contextlib
from collections.abc import Callable
from logging import Logger
from typing import Protocol

from admin.webhooks.planning import Plan, plan
from admin.webhooks.retry import Answer, judge, rest
from store.errors import StoreError
from store.journal_record import ToldEvent
from store.webhook_nouns import Call, CallResult, NewCall, Webhook

AT_ONCE = 16  # calls of one endpoint; 1 while it fails
MOST_WAITING = 1_000  # calls that wait; behind them the journal itself is the queue
LEASE = 30.0  # seconds; an attempt takes ten at most
POLL = 2.0  # seconds between looks for what others wrote
GATHER = 0.05  # seconds after news in which more of them come: one look serves them all
_PAGE = 500


class Journal(Protocol):
    """What is needed of ``store.journal``."""

    async def told(self, position: int, limit: int = ...) -> list[ToldEvent]:
        """Give events behind a position."""

    def news(self) -> contextlib.AbstractContextManager[asyncio.Event]:
        """Give an event that is set when there are new ones."""


class Endpoints(Protocol):
    """What is needed of ``store.webhooks``."""

    async def get(self, webhook_id: int) -> Webhook | None:
        """Give an endpoint as it stands."""


class Calls(Protocol):
    """What is needed of ``store.webhook_calls``."""

    async def add(self, webhook_id: int, *, seen: int, new: int, calls: tuple[NewCall, ...], now: float) -> bool:
        """Write calls, and move the endpoint's position on."""

    async def claim(self, webhook_id: int, limit: int, *, now: float, lease: float) -> list[Call]:
        """Take calls that are due."""

    async def settle(self, result: CallResult) -> bool:
        """Note how an attempt ended."""

    async def waiting(self, webhook_id: int) -> int:
        """How many calls wait."""

    async def next_due(self, webhook_id: int) -> float | None:
        """When the next call is due."""


class Send(Protocol):
    """What is needed of ``sender.Sender``."""

    async def send(self, webhook: Webhook, name: str, text: str) -> Answer:
        """Make one attempt."""


class Follower:
    """Tells one endpoint. ``await run()`` ends when the endpoint is off or gone."""

    def __init__(
        self,
        webhook: Webhook,
        *,
        journal: Journal,
        endpoints: Endpoints,
        calls: Calls,
        sender: Send,
        clock: Callable[[], float],
        draw: Callable[[], float],
        log: Logger,
        poll: float = POLL,
        gather: float = GATHER,
    ) -> None:
        """
        Build it.

        Args:
            webhook: The endpoint as it stands.
            journal: Where events come from.
            endpoints: Where a change of the endpoint is seen.
            calls: Where calls are kept.
            sender: Makes an attempt.
            clock: Unix seconds.
            draw: Random numbers from 0.0 up to 1.0, for jitter.
            log: Where it is told that an endpoint was switched off.
            poll: Seconds between looks when nothing happens here.
            gather: Seconds to wait after news.
        """
        self._webhook = webhook
        self._journal = journal
        self._endpoints = endpoints
        self._calls = calls
        self._sender = sender
        self._clock = clock
        self._draw = draw
        self._log = log
        self._poll = poll
        self._gather = gather
        self._running: set[asyncio.Task[None]] = set()
        self._failures = 0  # in a row
        self._rests_until = float("-inf")
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Follow the journal and make calls, until the endpoint is off or gone. Raises StoreError for our trouble."""
        try:
            with self._journal.news() as news:
                self._wake = news
                while True:
                    news.clear()
                    found = await self._endpoints.get(self._webhook.id)
                    if found is None or not found.enabled:
                        return
                    self._webhook = found
                    if found.failing_since is None and self._failures:  # a person, or another node, found it well
                        self._failures, self._rests_until = 0, float("-inf")
                    planned = await self._spread()
                    started = await self._start_calls()
                    if not started and not planned:
                        await self._wait(self._poll)
                    else:
                        await self._wait(self._gather, for_news=False)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _spread(self) -> bool:
        """Make calls of new events; whether there may be more at once."""
        webhook = self._webhook
        limit = max(_PAGE, webhook.batch_size)
        events = await self._journal.told(webhook.position, limit)
        if not events:
            return False
        room = MOST_WAITING - await self._calls.waiting(webhook.id)
        planned: Plan = plan(webhook, events, room=room, now=self._clock())
        if planned.position == webhook.position:
            return False
        added = await self._calls.add(
            webhook.id, seen=webhook.position, new=planned.position, calls=planned.calls, now=self._clock()
        )
        return not added or len(events) == limit

    async def _start_calls(self) -> bool:
        now = self._clock()
        free = (1 if self._failures else AT_ONCE) - len(self._running)
        if free <= 0 or now < self._rests_until:
            return False
        due = await self._calls.next_due(self._webhook.id)
        if due is None or due > now:
            return False
        claimed = await self._calls.claim(self._webhook.id, free, now=now, lease=LEASE)
        for call in claimed:
            task = asyncio.create_task(self._make(self._webhook, call), name=f"webhook call {call.id}")
            self._running.add(task)
            task.add_done_callback(self._ended)
        return bool(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _make(self, webhook: Webhook, call: Call) -> None:
        answer = await self._sender.send(webhook, call.name, call.body)
        now = self._clock()
        result = judge(answer, call, webhook.shape, now=now, spread=self._draw())
        try:
            switched_off = await self._calls.settle(result)
        except StoreError as error:
            # The call comes up again after its lease: told twice, perhaps, but told.
            self._log.warning(
                "what became of call %s of webhook %d could not be noted: %s", call.name, webhook.id, error
            )
            return
        # Only now: that it fails stands in the store from here on. Where it does no longer, there is no need to rest.
        self._failures = 0 if result.answered_well else self._failures + 1
        self._rests_until = now + rest(self._failures)
        if switched_off:
            self._log.error(
                "webhook %d (%s) is switched off: %s. What happens meanwhile is told when it is switched on again.",
                webhook.id,
                webhook.url,
                result.off_why,
            )

    async def _wait(self, seconds: float, *, for_news: bool = True) -> None:
        """Wait for news, or for so long at most."""
        if not for_news:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        await asyncio.sleep(self._gather)
