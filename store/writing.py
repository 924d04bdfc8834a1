"""
The one connection of a process that writes: it runs a piece of work in a transaction, and knows how that ended.

``work`` is plain synchronous code on a SQLAlchemy ``Connection``. On SQLite it runs in a thread of its own, on
PostgreSQL in the event loop through SQLAlchemy's bridge. So it must not touch what the event loop may touch at the
same time: ids are made and clocks are read before.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, Text, func, select, text
from sqlalchemy.exc import DBAPIError

from store.engine import PATIENCE, postgresql_writer, sqlite_writer
from store.trouble import unavailable

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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See WriteConnection. Waits up to ten seconds for a lock another process holds."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        # A SQLAlchemy Connection whose BEGIN failed takes itself for begun ever after, and each statement would then
        # commit by itself: so each transaction has a new one, on the same connection of the driver.
        with self._engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """See WriteConnection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()


_XID = select(func.pg_current_xact_id().cast(Text))
_XACT_STATUS = text("SELECT pg_xact_status(CAST(CAST(:xid AS text) AS xid8))")


class PostgresWriteConnection:
    """
    One connection through asyncpg.

    When it is lost while a commit is under way, the outcome is looked up by the transaction's own id (Q6).
    """

    def __init__(self, url: URL) -> None:
        self._engine = postgresql_writer(url)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See WriteConnection."""
        async with self._engine.connect() as connection:
            xid: str = (await connection.execute(_XID)).scalar_one()
            result = await connection.run_sync(work)
            try:
                await connection.commit()
            except Exception as error:
                if not _lost(error):
                    raise
                unknown = error
            else:
                return result
        if not await self._committed(xid):
            raise unknown
        return result

    async def _committed(self, xid: str) -> bool:
        """Look the outcome of a transaction up; asks until the server answers: nothing else can be written anyway."""
        while True:
            try:
                async with self._engine.connect() as connection:
                    status = (await connection.execute(_XACT_STATUS, {"xid": xid})).scalar_one()
            except Exception as error:
                if unavailable(error) is None:
                    raise
            else:
                if status != "in progress":
                    return bool(status == "committed")
            await asyncio.sleep(PATIENCE / 50)

    async def close(self) -> None:
        """See WriteConnection."""
        await self._engine.dispose()


def _lost(error: Exception) -> bool:
    """Whether the server may have committed although we got no answer, or none but that it ends the connection."""
    if isinstance(error, DBAPIError) and not error.connection_invalidated:
        state: str = getattr(error.orig, "sqlstate", None) or ""
        return not state or state.startswith(("08", "57"))
    return True


def write_connection(url: URL) -> WriteConnection:
    """Make the right one. It connects at the first run."""
    return SqliteWriteConnection(url) if url.get_backend_name() == "sqlite" else PostgresWriteConnection(url)
