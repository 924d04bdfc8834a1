"""
An event loop whose time goes on only when nothing else is to be done: hours pass in no time, and nothing is slept.

    def test_it() -> None:
        run(scenario())          # loop.time() jumps to the next timer whenever every socket is quiet

Both ends of every connection must live in this loop (loopback). Time stands still while a thread works that the loop
has started (``run_in_executor``, ``store.threads``), and within ``outside()``, for what others do beside it.
"""

import array
import asyncio
import fcntl
import selectors
import socket
import termios
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from store.threads import Threads

T = TypeVar("T")

# Real seconds that sockets get to become readable before time jumps: loopback needs microseconds.
_SETTLE = 0.002
# And so many where octets are known to be on their way: the kernel of a busy machine may be late to carry them.
_PATIENCE = 0.05
_STALLED = 30.0  # and after so many without a timer, nothing will ever come: better an error than a hang
_GLANCE = 0.05  # between two looks at what goes on in threads


class StalledError(Exception):
    """A scenario waits for what never comes: no timer, no thread, and nothing on any socket."""


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # its class is chosen at run time
    """Tells the loop of events at once, and moves its time instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0
        self.outside = 0  # pieces of work under way that have no time
        self._probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # from itself to itself
        self._probe.bind(("127.0.0.1", 0))
        self._probe.connect(self._probe.getsockname())
        self._probe.settimeout(1.0)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.outside:
            return list(super().select(_GLANCE))
        ready = super().select(_STALLED if timeout is None else _SETTLE)
        if not ready and timeout is None:
            raise StalledError
        if not ready and timeout is not None:
            # A busy kernel may be late with what crosses the loopback, a handshake say. This comes after it.
            self._probe.send(b"?")
            self._probe.recv(1)
            ready = super().select(0)
        if not ready and timeout is not None and any(_sends(key) for key in self.get_map().values()):
            ready = super().select(_PATIENCE)
        if not ready and timeout is not None:
            self.jumped += timeout
        return ready

    def close(self) -> None:
        """End the probe too."""
        self._probe.close()
        super().close()


def _sends(key: selectors.SelectorKey) -> bool:
    """Whether a socket is connecting, or has octets that have not reached the other side."""
    if key.events & selectors.EVENT_WRITE:
        return True
    unsent = array.array("i", [0])
    try:
        fcntl.ioctl(key.fd, termios.TIOCOUTQ, unsent)
    except OSError:  # a listening socket, or none at all
        return False
    return unsent[0] > 0


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that begins at second 0."""

    def __init__(self) -> None:
        self.virtual = _Selector()
        super().__init__(self.virtual)

    def time(self) -> float:
        """Seconds since the loop began, jumps only."""
        return self.virtual.jumped

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Let no time pass while a thread works."""
        return self.wait_for(super().run_in_executor(executor, func, *args))

    def wait_for(self, future: asyncio.Future[T]) -> asyncio.Future[T]:
        """Let no time pass until it is done."""
        self.virtual.outside += 1
        future.add_done_callback(self._inside)
        return future

    def _inside(self, _: object) -> None:
        self.virtual.outside -= 1


def _run_in_virtual_time(self: Threads, call: Callable[[], T]) -> asyncio.Future[T]:
    future = _RUN(self, call)
    loop = asyncio.get_running_loop()
    return loop.wait_for(future) if isinstance(loop, VirtualLoop) else future


_RUN = Threads.run
Threads.run = _run_in_virtual_time  # type: ignore[method-assign]  # for all loops: one of real time is not slowed down


@contextmanager
def outside() -> Iterator[None]:
    """Let no time pass in the running loop, if its time is virtual, while something goes on that it cannot see."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        yield
        return
    loop.virtual.outside += 1
    try:
        yield
    finally:
        loop.virtual.outside -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a scenario in virtual time. A scenario that waits for what never comes ends with the test's time-out."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
