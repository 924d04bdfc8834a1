"""
The one connection of a process that writes: it runs a piece of work in a transaction, and knows how that ended.

``work`` is plain synchronous code on a SQLAlchemy ``Connection``. On SQLite it runs in a thread of its own, on
PostgreSQL in the event loop through SQLAlchemy's bridge. So it must not touch what the event loop may touch at the
same time: ids are made and clocks are read before.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, Text, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.engine import PATIENCE, postgresql_writer, sqlite_writer
from store.errors import StoreMismatch, StoreUnavailable
from store.trouble import translated

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
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See WriteConnection. Waits up to ten seconds for a lock another process holds."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            result = work(self._connection)
            self._connection.commit()
        except BaseException:
            self._undo(self._connection)
            raise
        return result

    def _undo(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except Exception:  # noqa: BLE001 - whatever it is, a connection that cannot roll back is not used again
            self._connection = None
            with contextlib.suppress(Exception):
                connection.invalidate()
                connection.close()

    async def close(self) -> None:
        """See WriteConnection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()


_XID = select(func.pg_current_xact_id().cast(Text))
_XACT_STATUS = text("SELECT pg_xact_status(CAST(CAST(:xid AS text) AS xid8))")
_SYNCED = select(func.current_setting("synchronous_commit"))


class PostgresWriteConnection:
    """
    One connection through asyncpg.

    When it is lost while a commit is under way, the outcome is looked up by the transaction's own id.
    """

    def __init__(self, url: URL) -> None:
        self._engine = postgresql_writer(url)
        self._connection: AsyncConnection | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See WriteConnection."""
        connection = await self._connected()
        try:
            xid: str = (await connection.execute(_XID)).scalar_one()
            result = await connection.run_sync(work)
        except BaseException:
            await self._undo(connection)
            raise
        try:
            await connection.commit()
        except Exception as error:
            await self._undo(connection)
            if not _lost(error) or not await self._committed(xid):
                raise
        return result

    async def _connected(self) -> AsyncConnection:
        if self._connection is None:
            connection = await self._engine.connect()
            try:
                await _check_synced(connection)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _undo(self, connection: AsyncConnection) -> None:
        try:
            await connection.rollback()
            usable = not connection.invalidated
        except Exception:  # noqa: BLE001 - whatever it is, a connection that cannot roll back is not used again
            usable = False
        if not usable:
            self._connection = None
            with contextlib.suppress(Exception):
                await connection.invalidate()
            with contextlib.suppress(Exception):
                await connection.close()

    async def _committed(self, xid: str) -> bool:
        """Look the outcome of a transaction up; asks until the server answers: nothing else can be written anyway."""
        while True:
            try:
                connection = await self._connected()
                status = (await connection.execute(_XACT_STATUS, {"xid": xid})).scalar_one()
                await connection.rollback()
            except Exception as error:
                if not isinstance(translated(error), StoreUnavailable):
                    raise
                if self._connection is not None:
                    await self._undo(self._connection)
            else:
                if status != "in progress":
                    return bool(status == "committed")
            await asyncio.sleep(PATIENCE / 50)

    async def close(self) -> None:
        """See WriteConnection."""
        if self._connection is not None:
            with contextlib.suppress(DBAPIError, OSError):
                await self._connection.close()
            self._connection = None
        await self._engine.dispose()


async def _check_synced(connection: AsyncConnection) -> None:
    synced: str = (await connection.execute(_SYNCED)).scalar_one()
    await connection.rollback()
    if synced == "off":
        raise StoreMismatch("PostgreSQL has synchronous_commit off: what 250 was said for could be lost")


def _lost(error: Exception) -> bool:
    """Whether the server may have committed although we got no answer."""
    if isinstance(error, DBAPIError) and not error.connection_invalidated:
        return not getattr(error.orig, "sqlstate", None)  # the server itself said no: then it did not
    return True


def write_connection(url: URL) -> WriteConnection:
    """Make the right one. It connects at the first run."""
    return SqliteWriteConnection(url) if url.get_backend_name() == "sqlite" else PostgresWriteConnection(url)
