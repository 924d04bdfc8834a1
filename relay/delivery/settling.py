"""
Outcomes on their way into the store: none is let go before the store has it.

Where the store cannot be written, an outcome is kept in memory and written again and again, and no new delivery is
begun (``paused``): what cannot be crossed off must not be delivered (promise 4). The delivery itself is never repeated
because its outcome could not be written.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from store.errors import StoreUnavailable

FIRST_WAIT = 0.5  # seconds until a write is tried again; twice as long each time
LONGEST_WAIT = 15.0
LOG_EVERY = 60.0

_log = logging.getLogger(__name__)


class Settling:
    """
    Writes in the background, at most ``most`` before ``room`` makes callers wait.

    ``on_change`` is called when ``paused`` has become another.
    """

    def __init__(self, *, most: int, on_change: Callable[[], None]) -> None:
        self.paused = False
        self._most = most
        self._on_change = on_change
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()
        self._logged_at = float("-inf")  # loop time

    @property
    def outstanding(self) -> int:
        """Writes under way."""
        return len(self._tasks)

    def write(self, act: Callable[[], Awaitable[object]], done: Callable[[], None]) -> None:
        """Do ``act`` until the store takes it; then call ``done``. Never raises."""
        task = asyncio.get_running_loop().create_task(self._write(act, done))
        self._tasks.add(task)
        if len(self._tasks) >= self._most:
            self._room.clear()
        task.add_done_callback(self._finished)

    async def room(self) -> None:
        """Wait while too many writes are under way."""
        await self._room.wait()

    def trouble(self, error: StoreUnavailable) -> None:
        """Note that the store could not be used: logged once a minute."""
        now = asyncio.get_running_loop().time()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            _log.error("delivery pauses: %s", error)
        self._set(paused=True)

    def mended(self) -> None:
        """Note that the store was written."""
        if self.paused:
            _log.warning("delivery goes on: the store can be written again")
            self._logged_at = float("-inf")
            self._set(paused=False)

    async def drain(self, seconds: float) -> int:
        """Wait up to ``seconds`` for all writes, give the rest up, and say how many those were."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        left = set(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)

    async def _write(self, act: Callable[[], Awaitable[object]], done: Callable[[], None]) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await act()
            except StoreUnavailable as error:
                self.trouble(error)
            except Exception:  # noqa: BLE001 - logged; an outcome must never be dropped for a mistake of ours
                _log.exception("an outcome could not be written, for a fault of ours; it is tried again")
                wait = LONGEST_WAIT
            else:
                self.mended()
                done()
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if len(self._tasks) < self._most:
            self._room.set()

    def _set(self, *, paused: bool) -> None:
        if self.paused is not paused:
            self.paused = paused
            self._on_change()
