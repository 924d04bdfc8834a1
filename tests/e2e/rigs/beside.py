"""Scripted servers of tests/rigs, which live in an event loop, beside tests that have none."""

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Beside:
    """
    An event loop in a thread of its own.

    with Beside() as beside:
        dns = beside.start(DnsServer())

    What was started ends with it. Tables of the servers may be written from the test as long as nothing is asked.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._stack = AsyncExitStack()

    def start(self, server: AbstractAsyncContextManager[T]) -> T:
        """Enter a server's context in the loop."""
        return asyncio.run_coroutine_threadsafe(self._stack.enter_async_context(server), self._loop).result(30)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
