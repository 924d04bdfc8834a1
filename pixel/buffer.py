"""
Opens on their way from the server to the store: a bounded buffer, written in batches.

The pixel's answer never waits for the store. While the store cannot be written the opens wait here, up to a bound; what
does not fit is lost and counted, and the log says how many.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from store.errors import StoreUnavailable
from store.nouns import Open, Verdict

BATCH_PAUSE = 0.2  # seconds between batches; an open shows up no later than that
RETRY_PAUSE = 2.0  # seconds between tries while the store cannot be written
MAX_BATCH = 2_000  # opens in one transaction, so that mail never waits long for it
MAX_WAITING_OF_ONE = 100  # opens of one recipient that wait at once: one pixel in a loop must not fill the buffer

_Same = tuple[int, Verdict, str, str, str]


class Opens(Protocol):
    """Where opens are written: ``store.opens``."""

    async def record(self, opens: Sequence[Open], *, view_window: float) -> int:
        """Write opens in one transaction, loads within ``view_window`` seconds as one; StoreUnavailable: not now."""
        ...


class OpenBuffer:
    """
    Opens that wait to be written.

    What it counts, for as long as the process lives: ``recorded`` opens were given to the store; ``repeated`` ones were
    the same as one that was waiting, within the window of one view; ``dropped`` ones found no room; ``failed`` ones the
    store refused, for a fault of ours.
    """

    def __init__(
        self,
        opens: Opens,
        room: int,
        view_window: float,
        log: logging.Logger,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Build an empty buffer: at most ``room`` opens wait; loads within ``view_window`` seconds are one view."""
        self._opens = opens
        self._room = room
        self._view_window = view_window
        self._log = log
        self._pause = pause
        self._waiting: list[Open] = []
        self._of_one: Counter[int] = Counter()
        self._first_at: dict[_Same, float] = {}
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._dropped_told = 0
        self.recorded = 0
        self.repeated = 0
        self.dropped = 0
        self.failed = 0

    @property
    def waiting(self) -> int:
        """How many opens wait now."""
        return len(self._waiting)

    def add(self, an_open: Open) -> None:
        """Take one open, or count why not. Never waits."""
        same = _same(an_open)
        first_at = self._first_at.get(same)
        if first_at is not None and an_open.at - first_at < self._view_window:
            self.repeated += 1
        elif len(self._waiting) >= self._room or self._of_one[an_open.recipient_id] >= MAX_WAITING_OF_ONE:
            self.dropped += 1
        else:
            self._first_at[same] = an_open.at
            self._of_one[an_open.recipient_id] += 1
            self._waiting.append(an_open)
            self._some.set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="pixel: write opens")

    async def stop(self, grace: float) -> None:
        """Write what waits, within ``grace`` seconds; what cannot be written by then is counted as dropped."""
        try:
            async with asyncio.timeout(grace):
                async with (
                    self._writing
                ):  # a batch under way ends first: written and not crossed off, it would count twice
                    self._end()
                while self._waiting:
                    await self._write_batch()
        except (StoreUnavailable, TimeoutError):
            self.dropped += len(self._waiting)
            self._forget(len(self._waiting))
        finally:
            self._end()
        self._tell_dropped()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await self._pause(BATCH_PAUSE)
            try:
                await self._write_batch()
                while len(self._waiting) >= MAX_BATCH:
                    await self._write_batch()
            except StoreUnavailable:
                await self._pause(RETRY_PAUSE)
            self._tell_dropped()

    async def _write_batch(self) -> None:
        """Write the oldest opens. They leave the buffer only when they are written, or can never be."""
        async with self._writing:
            batch = self._waiting[:MAX_BATCH]
            try:
                await self._opens.record(batch, view_window=self._view_window)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - the writer must outlive every fault of ours
                self._log.exception("opens could not be written together; trying each by itself")
                await self._write_each(len(batch))
            else:
                self.recorded += len(batch)
                self._forget(len(batch))

    async def _write_each(self, count: int) -> None:
        """One open that the store chokes on must not take the others with it."""
        for _ in range(count):
            an_open = self._waiting[0]
            try:
                await self._opens.record([an_open], view_window=self._view_window)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - as above
                self.failed += 1
                self._log.exception("open of recipient %d could not be written", an_open.recipient_id)
            else:
                self.recorded += 1
            self._forget(1)

    def _forget(self, count: int) -> None:
        for an_open in self._waiting[:count]:
            self._first_at.pop(_same(an_open), None)
            self._of_one[an_open.recipient_id] -= 1
            if not self._of_one[an_open.recipient_id]:
                del self._of_one[an_open.recipient_id]
        del self._waiting[:count]
        if not self._waiting:
            self._some.clear()

    def _tell_dropped(self) -> None:
        if self.dropped > self._dropped_told:
            lost = self.dropped - self._dropped_told
            self._log.warning("%d opens were lost: there was no room left for opens that wait to be written", lost)
            self._dropped_told = self.dropped


def _same(an_open: Open) -> _Same:
    return an_open.recipient_id, an_open.verdict, an_open.rule, an_open.address, an_open.agent
