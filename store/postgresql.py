"""PostgreSQL, through asyncpg. Loaded only where a store lies there: SQLAlchemy's asyncio half brings its ORM."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Text, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store.engine import PATIENCE, READERS
from store.errors import StoreMismatch
from store.trouble import unavailable

T = TypeVar("T")

_XID = select(func.pg_current_xact_id().cast(Text))
_XACT_STATUS = text("SELECT pg_xact_status(CAST(CAST(:xid AS text) AS xid8))")


class Writing:
    """
    One connection that writes: a ``store.writing.WriteConnection``.

    When it is lost while a commit is under way, the outcome is looked up by the transaction's own id (Q6).
    """

    def __init__(self, url: URL) -> None:
        self._engine = _writer(url)

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


class Readers:
    """Connections that read: what ``store.engine.Reader`` asks."""

    def __init__(self, url: URL) -> None:
        self._engine = _engine(url, connections=READERS)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one snapshot."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _writer(url: URL) -> AsyncEngine:
    """Make the engine of the one connection that writes to PostgreSQL. StoreMismatch where commits are not synced."""
    engine = _engine(url, connections=1)

    @event.listens_for(engine.sync_engine, "connect")
    def check(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT current_setting('synchronous_commit')")
        synced = cursor.fetchone()[0]
        cursor.close()
        connection.rollback()
        if synced == "off":
            raise StoreMismatch("PostgreSQL has synchronous_commit off: what 250 was said for could be lost")

    return engine


def _engine(url: URL, *, connections: int) -> AsyncEngine:
    try:
        return create_async_engine(
            url,
            connect_args={
                "timeout": PATIENCE,
                "command_timeout": 60.0,
                "server_settings": {"application_name": "homing"},
            },
            pool_size=connections,
            max_overflow=0,
            pool_timeout=PATIENCE,
            pool_pre_ping=connections > 1,  # a reader finds out that a connection died while it lay in the pool
        )
    except ModuleNotFoundError as error:
        raise StoreMismatch(
            f"a store on PostgreSQL needs the package {error.name}: install homing[postgres]"
        ) from error


def _lost(error: Exception) -> bool:
    """Whether the server may have committed although we got no answer, or none but that it ends the connection."""
    if isinstance(error, DBAPIError) and not error.connection_invalidated:
        state: str = getattr(error.orig, "sqlstate", None) or ""
        return not state or state.startswith(("08", "57"))
    return True
