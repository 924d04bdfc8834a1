"""
The one connection of a process that writes: it runs a piece of work in a transaction, and knows how that ended.

``work`` is plain synchronous code on a SQLAlchemy ``Connection``. On SQLite it runs in a thread of its own, on
PostgreSQL in the event loop through SQLAlchemy's bridge. So it must not touch what the event loop may touch at the
same time: ids are made and clocks are read before.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar, cast

from sqlalchemy import URL, Connection

from store.engine import sqlite_writer
from store.threads import Threads

T = TypeVar("T")


class WriteConnection(Protocol):
    """What both engines offer."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """
        Run ``work`` in one transaction and commit it, synced to disk.

        Raises whatever ``work`` or the commit raised, and then nothing of it is in the store. One at a time.
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class SqliteWriteConnection:
    """One thread with one connection."""

    def __init__(self, url: URL) -> None:
        self._engine = sqlite_writer(url)
        self._thread = Threads(1, "store-writer")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See WriteConnection. Waits up to ten seconds for a lock another process holds."""
        return await self._thread.run(partial(self._run, work))

    def _run(self, work: Callable[[Connection], T]) -> T:
        # A SQLAlchemy Connection whose BEGIN failed takes itself for begun ever after, and each statement would then
        # commit by itself: so each transaction has a new one, on the same connection of the driver.
        with self._engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """See WriteConnection."""
        await self._thread.run(self._engine.dispose)
        self._thread.close()


def write_connection(url: URL) -> WriteConnection:
    """Make the right one. It connects at the first run."""
    if url.get_backend_name() == "sqlite":
        return SqliteWriteConnection(url)
    return cast("WriteConnection", importlib.import_module("store.postgresql").Writing(url))
