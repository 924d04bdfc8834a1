"""
The process that looks after the workers: ``relay.workers`` of them, each a child of it.

It serves nothing itself. The first worker starts alone, since it makes what a first start makes; the others follow
once it is ready. A worker that cannot start then ends the whole, with its sentence. Later a worker that dies is
started again, after a wait that grows while it keeps dying. SIGTERM and SIGINT are handed on: each worker takes leave
as a relay does, and what it held is given back.

When the supervisor itself is killed, the workers see their end of a pipe close, and take leave too.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

FIRST_WAIT = 1.0  # seconds before a worker that died is started again; twice as long each time
LONGEST_WAIT = 60.0
LIVED = 60.0  # seconds after which a worker's death says nothing about the next one's
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_READY = b"ready\n"
_FAILED = 1  # exit status of a worker that could not start

_log = logging.getLogger("homing.supervisor")


class WorkerCannotStart(Exception):
    """A worker could not start when all were to; its own sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a worker has of its supervisor."""

    life: int  # descriptor that can be read, to its end, once the supervisor is gone
    _told: int

    def ready(self) -> None:
        """Say that the worker serves."""
        with contextlib.suppress(OSError):  # it is gone: ``life`` says so too
            os.write(self._told, _READY)


# Serves as the worker of a number until SIGTERM. Returns a sentence when it cannot start, else "".
Serve = Callable[[int, Line], str]


@dataclass(slots=True)
class _Child:
    """One worker, or the place of one that is to be started again."""

    number: int
    pid: int = 0  # 0: none runs
    pipe: int = -1  # what it tells
    told: bytes = b""
    ready: bool = False
    started_at: float = 0.0
    again_at: float = 0.0
    wait: float = FIRST_WAIT

    @property
    def trouble(self) -> str:
        """The sentence of a worker that could not start."""
        return self.told.removeprefix(_READY).decode("utf-8", "replace").strip()


@dataclass(slots=True)
class Supervisor:
    """
    Runs workers until it is told to stop.

    Args:
        count: How many.
        serve: What a worker does. It is called in a child process, whose exit status is 0 when it returns "".
        clock: Seconds that only grow.
    """

    count: int
    serve: Serve
    clock: Callable[[], float]
    _children: list[_Child] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _up: bool = False  # all have been ready once
    _stopping: bool = False
    _failed: bool = False  # a worker ended badly while all were to stop
    _life: tuple[int, int] = (-1, -1)
    _signals: tuple[socket.socket, socket.socket] | None = None

    def run(self) -> bool:
        """
        Run until SIGTERM or SIGINT, and until the last worker has ended. Only from a process without threads.

        Returns:
            Whether all of them ended well.

        Raises:
            WorkerCannotStart: At the start; no worker runs any more.
        """
        self._children = [_Child(number) for number in range(self.count)]
        self._life = os.pipe()
        before = self._catch_signals()
        try:
            self._start_all()
            while any(child.pid for child in self._children) or not self._stopping:
                self._turn()
            return not self._failed
        finally:
            self._restore_signals(before)
            self._selector.close()
            for end in self._life:
                os.close(end)

    def _start_all(self) -> None:
        """Start the first, then the others. Raises WorkerCannotStart when one of them does not come up."""
        for group in (self._children[:1], self._children[1:]):
            for child in group:
                self._start(child)
            while not self._stopping and not all(child.ready for child in group):
                self._turn()
                if fallen := next((child for child in group if not child.pid and not child.ready), None):
                    self._stop()
                    while any(child.pid for child in self._children):
                        self._turn()
                    raise WorkerCannotStart(fallen.trouble or f"worker {fallen.number} ended before it was ready")
        if not self._stopping:
            self._up = True
            _log.info("%d workers serve", self.count)

    def _turn(self) -> None:
        """Wait for a signal, a word of a worker, or the time to start one again; and act on it."""
        for key, _ in self._selector.select(self._patience()):
            if isinstance(key.data, _Child):
                self._listen(key.data)
            else:
                self._take_signals()
        self._bury()
        for child in self._children:
            if not self._stopping and not child.pid and child.again_at and self.clock() >= child.again_at:
                self._start(child)

    def _patience(self) -> float | None:
        ends = [child.again_at for child in self._children if not child.pid and child.again_at]
        return max(0.0, min(ends) - self.clock()) if ends and not self._stopping else None

    def _start(self, child: _Child) -> None:
        ours, theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os._exit(self._become(child.number, theirs))
        os.close(theirs)
        child.pid, child.pipe, child.told, child.ready = pid, ours, b"", False
        child.started_at, child.again_at = self.clock(), 0.0
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _become(self, number: int, told: int) -> int:
        """Be the worker, in the child process; give its exit status. Nothing of the supervisor is left in it."""
        try:
            signal.set_wakeup_fd(-1)
            for one in _HANDLED:
                signal.signal(one, signal.SIG_DFL)
            self._selector.close()
            for end in self._signals or ():
                end.close()
            os.close(self._life[1])
            trouble = self.serve(number, Line(self._life[0], told))
            os.write(told, trouble.encode())
        except KeyboardInterrupt:
            return _FAILED
        except BaseException:  # noqa: BLE001  a child must never go on as its parent
            _log.exception("worker %d failed", number)
            return _FAILED
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
        return _FAILED if trouble else 0

    def _listen(self, child: _Child) -> None:
        data = os.read(child.pipe, 4096)
        child.told += data
        if not child.ready and child.told.startswith(_READY):
            child.ready = True
            if self._up:
                _log.info("worker %d serves again", child.number)
        if not data:
            self._hang_up(child)

    def _hang_up(self, child: _Child) -> None:
        if child.pipe >= 0:
            self._selector.unregister(child.pipe)
            os.close(child.pipe)
            child.pipe = -1

    def _bury(self) -> None:
        """Take note of each worker that has ended."""
        for child in self._children:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            while child.pipe >= 0:  # to the end of what it told; nobody else can write to it
                self._listen(child)
            child.pid = 0
            self._ended(child, os.waitstatus_to_exitcode(status))

    def _ended(self, child: _Child, status: int) -> None:
        if self._stopping:
            unready = not child.ready and status == -signal.SIGTERM  # it had no handler yet, and held nothing
            self._failed = self._failed or (status != 0 and not unready)
            return
        lived = self.clock() - child.started_at
        child.wait = FIRST_WAIT if child.ready and lived >= LIVED else child.wait
        child.again_at = self.clock() + child.wait
        why = child.trouble or (f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}")
        _log.error("worker %d ended (%s), it is started again in %.0f s", child.number, why, child.wait)
        child.wait = min(2.0 * child.wait, LONGEST_WAIT)

    def _stop(self) -> None:
        """Tell all to take leave."""
        self._stopping = True
        for child in self._children:
            if child.pid:
                os.kill(child.pid, signal.SIGTERM)

    # Signals wake the selector through a pair of sockets: none is lost between a look and a wait.

    def _catch_signals(self) -> dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None]:
        self._signals = socket.socketpair()
        for end in self._signals:
            end.setblocking(False)
        self._selector.register(self._signals[0], selectors.EVENT_READ)
        before = {one: signal.signal(one, lambda *_: None) for one in _HANDLED}
        signal.set_wakeup_fd(self._signals[1].fileno(), warn_on_full_buffer=False)
        return before

    def _restore_signals(
        self, before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None]
    ) -> None:
        signal.set_wakeup_fd(-1)
        for one, handler in before.items():
            signal.signal(one, handler)
        for end in self._signals or ():
            end.close()

    def _take_signals(self) -> None:
        assert self._signals is not None
        with contextlib.suppress(BlockingIOError):
            if {signal.SIGTERM, signal.SIGINT} & set(self._signals[0].recv(4096)):
                self._stop()
