"""
Outcomes on their way into the store: none is let go before the store has it.

Where the store cannot be written, an outcome is kept in memory and written again and again, and no new delivery is
begun (``paused``): what cannot be crossed off must not be delivered (promise 4). The delivery itself is never repeated
because its outcome could not be written.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

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
        self._writes: set[asyncio.Future[object]] = set()
        self._room = asyncio.Event()
        self._room.set()
        self._logged_at = float("-inf")  # loop time

    @property
    def outstanding(self) -> int:
        """Writes under way."""
        return len(self._writes)

    def write(self, act: Callable[[], Awaitable[object]], done: Callable[[], None]) -> None:
        """Do ``act`` until the store takes it; then call ``done``. Never raises. A future of it needs no task."""
        try:
            begun = act()
        except Exception as error:  # noqa: BLE001 - told by ``_again``
            self._note(asyncio.get_running_loop().create_task(self._again(error, act, done)))
            return
        if not isinstance(begun, asyncio.Future):
            begun = asyncio.ensure_future(begun)

        def ended(write: "asyncio.Future[object]") -> None:
            self._finished(write)
            if write.cancelled():
                return
            error = write.exception()
            if error is None:
                self.mended()
                done()
            else:
                self._note(asyncio.get_running_loop().create_task(self._again(error, act, done)))

        self._note(begun, ended)

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
        until = asyncio.get_running_loop().time() + seconds
        while self._writes and asyncio.get_running_loop().time() < until:  # one that failed is followed by its next try
            await asyncio.wait(set(self._writes), timeout=until - asyncio.get_running_loop().time())
            await asyncio.sleep(0)
        left = set(self._writes)
        for write in left:
            write.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)

    async def _again(
        self, error: BaseException, act: Callable[[], Awaitable[object]], done: Callable[[], None]
    ) -> None:
        """Write again and again what failed with ``error``."""
        wait = FIRST_WAIT
        while True:
            if isinstance(error, StoreUnavailable):
                self.trouble(error)
            else:
                _log.error("an outcome could not be written, for a fault of ours; it is tried again", exc_info=error)
                wait = LONGEST_WAIT
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            try:
                await act()
            except Exception as failure:  # noqa: BLE001 - an outcome must never be dropped for a mistake of ours
                error = failure
            else:
                self.mended()
                done()
                return

    def _note(self, write: "asyncio.Future[Any]", ended: "Callable[[asyncio.Future[Any]], None] | None" = None) -> None:
        self._writes.add(write)
        if len(self._writes) >= self._most:
            self._room.clear()
        write.add_done_callback(ended or self._finished)

    def _finished(self, write: "asyncio.Future[object]") -> None:
        self._writes.discard(write)
        if len(self._writes) < self._most:
            self._room.set()

    def _set(self, *, paused: bool) -> None:
        if self.paused is not paused:
            self.paused = paused
            self._on_change()
