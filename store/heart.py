"""
The heart of a serving process: tells the other nodes that it lives, and finds out when trouble with the store is over.

In trouble no mail is let in and none is delivered, so that perhaps nothing else would be written: the heart looks again
after a second, then after twice as long each time, until the store can be written. Nothing wakes it in between: it
waits for the writer's word that there is trouble, not for a time to look whether there is.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from store.errors import StoreError
from store.writer import Writer

FIRST_LOOK = 1.0  # seconds from trouble to the first look; twice as long each time, up to the usual time
LOG_EVERY = 60.0

_log = logging.getLogger(__name__)


class Heart:
    """
    Beats for as long as ``run`` runs.

    Args:
        writer: Whose trouble counts.
        beat: One beat, which writes to the store. Raises StoreError in trouble.
        every: Seconds between two beats while all is well.
    """

    def __init__(self, writer: Writer, beat: Callable[[], Awaitable[None]], every: float) -> None:
        self._writer = writer
        self._beat = beat
        self._every = every
        self._logged_at = float("-inf")  # loop time
        self._told = False  # that there is trouble

    async def run(self) -> None:
        """Beat until cancelled. The wait is short again once a usual time went by without trouble."""
        wait = FIRST_LOOK
        while True:
            if await self._trouble():
                self._tell()
                await asyncio.sleep(min(wait, self._every))
                wait *= 2
            else:
                wait = FIRST_LOOK
            with contextlib.suppress(StoreError):  # the writer knows
                await self._beat()
                self._tell_of_the_end()

    async def _trouble(self) -> bool:
        """Wait for trouble, no longer than the usual time, and say whether there is any."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._every):
                await self._writer.troubled.wait()
        return self._writer.trouble is not None

    def _tell(self) -> None:
        """Log why, once a minute."""
        now = asyncio.get_running_loop().time()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at, self._told = now, True
            _log.error("no mail is taken until the store can be written: %s", self._writer.trouble)

    def _tell_of_the_end(self) -> None:
        if self._told:
            self._told = False
            _log.warning("the store can be written again")
