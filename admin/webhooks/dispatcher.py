"""All endpoints: a loop for each that is on, begun and ended as people make, change and remove them."""

import asyncio
from collections.abc import Callable, Sequence
from logging import Logger
from typing import Protocol

from admin.webhooks.follower import Calls, Follower, Journal, Send
from store.errors import StoreError
from store.webhook_nouns import Webhook

LOOK_SECONDS = 2.0  # between looks for endpoints that others made or changed


class Endpoints(Protocol):
    """What is needed of ``store.webhooks``."""

    async def list(self) -> Sequence[Webhook]:
        """Give all endpoints."""

    async def get(self, webhook_id: int) -> Webhook | None:
        """Give one as it stands."""


class Dispatcher:
    """Tells all endpoints. Run ``run()`` beside the mail; cancelling it ends all."""

    def __init__(
        self,
        *,
        journal: Journal,
        endpoints: Endpoints,
        calls: Calls,
        sender: Send,
        clock: Callable[[], float],
        draw: Callable[[], float],
        log: Logger,
        look: float = LOOK_SECONDS,
        poll: float | None = None,
    ) -> None:
        """Build it; see ``Follower`` for what is handed on. ``look`` is the time between looks for changes."""
        self._journal = journal
        self._endpoints = endpoints
        self._calls = calls
        self._sender = sender
        self._clock = clock
        self._draw = draw
        self._log = log
        self._look = look
        self._more = {} if poll is None else {"poll": poll, "gather": poll}
        self._loops: dict[int, asyncio.Task[None]] = {}
        self._in_trouble = False

    async def run(self) -> None:
        """Keep a loop for each endpoint that is on."""
        try:
            while True:
                await self._keep_loops()
                await asyncio.sleep(self._look)
        finally:
            for loop in self._loops.values():
                loop.cancel()
            await asyncio.gather(*self._loops.values(), return_exceptions=True)

    async def _keep_loops(self) -> None:
        for webhook_id in [webhook_id for webhook_id, loop in self._loops.items() if loop.done()]:
            self._note_end(self._loops.pop(webhook_id))
        try:
            webhooks = await self._endpoints.list()
        except StoreError as error:
            self._note_trouble(error)
            return
        self._in_trouble = False
        for webhook in webhooks:
            if webhook.enabled and webhook.id not in self._loops:
                follower = Follower(
                    webhook,
                    journal=self._journal,
                    endpoints=self._endpoints,
                    calls=self._calls,
                    sender=self._sender,
                    clock=self._clock,
                    draw=self._draw,
                    log=self._log,
                    **self._more,
                )
                self._loops[webhook.id] = asyncio.create_task(follower.run(), name=f"webhook {webhook.id}")

    def _note_end(self, loop: asyncio.Task[None]) -> None:
        error = None if loop.cancelled() else loop.exception()
        if isinstance(error, StoreError):
            self._note_trouble(error)
        elif error is not None:  # a fault of ours: the endpoint's loop begins anew, and nothing is lost
            self._log.error("a webhook's loop failed", exc_info=error)

    def _note_trouble(self, error: StoreError) -> None:
        if not self._in_trouble:
            self._log.error("webhooks wait for the store: %s", error)
        self._in_trouble = True
