"""
A few threads that work for the event loop: what the store and the signing keep off it.

``run_in_executor`` makes two futures, a lock and a message to the loop for each call. Here all results that are ready
together come back with one wake-up of the loop, and a call is an entry in a queue.
"""

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_Call = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Threads:
    """Up to ``count`` threads, begun when there is work. All calls must come from one event loop."""

    # What always holds: a call that is made is carried out, also when nobody waits for it any more, and in the order of
    # the calls where there is one thread.

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._results: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._waking = False  # the loop has been told that there are results
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way = 0  # calls without a result

    def run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Make a call in a thread. Its result, or what it raises, comes as the future's."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if len(self._threads) < self._count and self._under_way >= len(self._threads):
            thread = threading.Thread(
                target=self._work, args=(loop,), name=f"{self._name}_{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._under_way += 1
        self._calls.put((call, future))
        return future

    def close(self) -> None:
        """End the threads, when all calls are carried out, and wait for that."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (given := self._calls.get()) is not None:
            call, future = given
            try:
                self._results.append((future, call(), None))
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                self._results.append((future, None, error))
            del given, call, future  # what was made for a call does not wait for the next one
            # The result is there before the flag is looked at, and the loop takes the flag down before it looks for
            # results: so none is left.
            if not self._waking:
                self._waking = True
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                    loop.call_soon_threadsafe(self._give)

    def _give(self) -> None:
        self._waking = False
        while self._results:
            future, result, error = self._results.popleft()
            self._under_way -= 1
            if future.done():  # nobody waits any more
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
