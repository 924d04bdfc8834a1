"""
A room for so many at once, where who comes for a fresh mail does not wait for all who came before.

Those that wait for a mail that was just handed over, and all others, get in by turns, each in the order of their
coming: a fresh mail does not wait behind the look-ups of a thousand domains whose mail has been in the queue for hours,
nor do they wait for ever.
"""

import asyncio
from collections import deque
from contextvars import ContextVar
from types import TracebackType

# Whether what is done here, and in tasks begun here, is for a mail that an application has just handed over.
FOR_FRESH_MAIL: ContextVar[bool] = ContextVar("FOR_FRESH_MAIL", default=False)


class Turns:
    """Use it as ``async with``; ``room`` is for how many."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._fresh: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._fresh_is_next = True

    async def __aenter__(self) -> None:
        if self._room:
            self._room -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        (self._fresh if FOR_FRESH_MAIL.get() else self._others).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn had just come
                self._next()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._next()

    def _next(self) -> None:
        """Let the next one in."""
        while self._fresh or self._others:
            fresh = bool(self._fresh) and (self._fresh_is_next or not self._others)
            turn = (self._fresh if fresh else self._others).popleft()
            if not turn.done():
                self._fresh_is_next = not fresh
                turn.set_result(None)
                return
        self._room += 1
