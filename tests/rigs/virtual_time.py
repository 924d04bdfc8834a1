"""
An event loop whose time goes on only when nothing else is to be done: hours pass in no time, and nothing is slept.

    def test_it() -> None:
        run(scenario())          # loop.time() jumps to the next timer whenever every socket is quiet

Both ends of every connection must live in this loop (loopback), and no threads: what happens outside of it has no time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Real seconds that sockets get to become readable before time jumps: loopback needs microseconds.
_SETTLE = 0.002


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # its class is chosen at run time
    """Tells the loop of events at once, and moves its time instead of waiting."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        ready = super().select(None if timeout is None else _SETTLE)
        if not ready and timeout is not None:
            self.jumped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that begins at second 0."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the loop began, jumps only."""
        return self._virtual.jumped


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a scenario in virtual time. A scenario that waits for what never comes ends with the test's time-out."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
