"""
Connecting to the ends of a destination, so that one that does not answer holds nobody up (after RFC 8305).

They are tried in order. Where one has neither connected nor failed within FALL_OVER, the next one is tried beside it.
The first that connects wins; the others are tried again only when it turns out to be of no use.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from relay.delivery.connection import Connection
from relay.delivery.dialogue import Outcome
from relay.delivery.route import Host

FALL_OVER = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class End:
    """One address of a host. ``lenient``: see ``Connection``."""

    host: Host
    address: str
    lenient: bool = False


class Race:
    """``make`` makes a connection, not yet connected; ``drop`` is told of each that is called off."""

    def __init__(
        self, ends: Iterable[End], *, make: Callable[[End], Connection], drop: Callable[[Connection], None]
    ) -> None:
        self._ends = deque(ends)
        self._make = make
        self._drop = drop
        self._running: dict[asyncio.Task[Outcome | None], tuple[End, Connection]] = {}

    def again(self, end: End) -> None:
        """Try this end next."""
        self._ends.appendleft(end)

    async def next(self) -> tuple[End, Connection, Outcome | None] | None:
        """Give the next that is connected, or that failed with an Outcome; None when there is none left."""
        while self._ends or self._running:
            if not self._running:
                self._start()
            done, _ = await asyncio.wait(
                self._running, timeout=FALL_OVER if self._ends else None, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                self._start()
                continue
            task = next(task for task in self._running if task in done)
            end, connection = self._running.pop(task)
            failure = task.result()
            if failure is None:
                self.call_off()
            return end, connection, failure
        return None

    def call_off(self) -> None:
        """Stop those that are under way; they come first when one is asked for again."""
        for task, (end, connection) in reversed(list(self._running.items())):
            task.cancel()
            connection.abort()
            self._drop(connection)
            self._ends.appendleft(end)
        self._running.clear()

    def _start(self) -> None:
        end = self._ends.popleft()
        connection = self._make(end)
        self._running[asyncio.get_running_loop().create_task(connection.connect())] = (end, connection)
