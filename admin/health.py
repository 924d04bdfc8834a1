"""
Whether the process lives, and whether it can take mail: for supervisors and load balancers, without a log-in.

``/readyz`` names parts and says yes or no; why not is in the log.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from store.errors import StoreError

_KEPT = 1.0  # seconds an answer is good for: whoever asks all the time asks the store no more often than that
_PATIENCE = 5.0  # seconds


class Health:
    """Answers ``/healthz`` and ``/readyz``."""

    def __init__(
        self,
        *,
        check: Callable[[], Awaitable[None]],
        ready: Callable[[], dict[str, bool]],
        clock: Callable[[], float],
        patience: float = _PATIENCE,
    ) -> None:
        """
        Build it.

        Args:
            check: Raises StoreError when the store cannot be written.
            ready: The other parts by name, and whether each is up.
            clock: Unix seconds.
            patience: Seconds after which a store that does not answer counts as not writable.
        """
        self._patience = patience
        self._check = check
        self._ready = ready
        self._clock = clock
        self._store = (float("-inf"), False)
        self._asking = asyncio.Lock()

    async def healthz(self, request: web.Request) -> web.Response:
        """Say that the process lives: 200 and nothing else ever."""
        del request
        return web.json_response({"alive": True})

    async def readyz(self, request: web.Request) -> web.Response:
        """Say whether mail can be taken: 200, or 503 with the parts that cannot."""
        del request
        parts = {"store": await self._store_is_writable(), **self._ready()}
        ready = all(parts.values())
        return web.json_response({"ready": ready, "parts": parts}, status=200 if ready else 503)

    async def _store_is_writable(self) -> bool:
        async with self._asking:
            asked_at, answer = self._store
            if 0 <= self._clock() - asked_at < _KEPT:
                return answer
            try:
                async with asyncio.timeout(self._patience):
                    await self._check()
                answer = True
            except (StoreError, TimeoutError):
                answer = False
            self._store = (self._clock(), answer)
            return answer
