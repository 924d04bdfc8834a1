"""
A room for so many at once, where nobody who comes now waits for all who came before.

Of those that wait the newest and the one that waits longest get in by turns: a mail that was just handed over does not
wait behind the look-ups of a thousand domains whose mail has been in the queue for hours, nor do they wait for ever.
"""

import asyncio
from collections import deque
from types import TracebackType


class Turns:
    """Use it as ``async with``; ``room`` is for how many."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._newest = True  # whose turn is next

    async def __aenter__(self) -> None:
        if self._room:
            self._room -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
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
        while self._waiting:
            turn = self._waiting.pop() if self._newest else self._waiting.popleft()
            self._newest = not self._newest
            if not turn.done():
                turn.set_result(None)
                return
        self._room += 1
