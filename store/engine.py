"""
Connections to the database, alike for SQLite and PostgreSQL.

On SQLite a write transaction begins with ``BEGIN IMMEDIATE``: the driver alone would open none before the first
write, and of two that read before they write one would lose its update. Readers never wait for the writer (WAL).

Reads go through the asyncio drivers (aiosqlite, asyncpg). What writes on SQLite is one thread with the plain driver
(``store/writing.py``): a batch then costs one change of threads instead of one for each statement, measured at 2.6
times less CPU for six statements.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store.errors import StoreMismatch
from store.trouble import translated

PATIENCE = 10.0  # seconds to wait for a lock or a connection before we say that the store is unavailable
READERS = 4  # connections that read at once

T = TypeVar("T")


def database_url(url: str) -> URL:
    """Read the URL of the configuration, with the asyncio driver added. ValueError names what would be right."""
    parsed = make_url(url)
    if parsed.drivername in ("sqlite", "sqlite+aiosqlite"):
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("a SQLite store needs a file: sqlite:///var/homing.db")
        return parsed.set(drivername="sqlite+aiosqlite")
    if parsed.drivername in ("postgresql", "postgres", "postgresql+asyncpg"):
        return parsed.set(drivername="postgresql+asyncpg")
    raise ValueError(f"{parsed.drivername} is neither sqlite nor postgresql")


def sqlite_file(url: URL) -> Path | None:
    """Where a SQLite store lies; None on PostgreSQL."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def sqlite_writer(url: URL) -> Engine:
    """Make the engine of the one connection that writes to SQLite. Used from one thread."""
    engine = create_engine(
        url.set(drivername="sqlite"),
        connect_args={"timeout": PATIENCE, "isolation_level": None},  # None: we say BEGIN, not the driver
        pool_size=1,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # for a new file: the sweep gives space back, see retention
        cursor.execute("PRAGMA journal_mode = WAL")
        # WAL with NORMAL makes no sync per commit, and 250 would be said before the mail is on the disk.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -16000")  # KiB
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: fewer, longer checkpoints than by default
        cursor.execute("PRAGMA journal_size_limit = 67108864")  # what a long reader made grow is given back
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def postgresql_writer(url: URL) -> AsyncEngine:
    """Make the engine of the one connection that writes to PostgreSQL. StoreMismatch where commits are not synced."""
    engine = _postgresql(url, connections=1)

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


class Reader:
    """Reads on connections of its own, which never wait for what is being written."""

    def __init__(self, url: URL) -> None:
        if url.get_backend_name() == "sqlite":
            self._engine = _sqlite_reader(url)
        else:
            self._engine = _postgresql(url, connections=READERS)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one snapshot. Raises StoreUnavailable for our trouble."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(work)
        except Exception as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _sqlite_reader(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        connect_args={"timeout": PATIENCE, "isolation_level": None},
        pool_size=READERS,
        max_overflow=0,
        pool_timeout=PATIENCE,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("PRAGMA cache_size = -4000")  # KiB
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # one snapshot for all that a reader asks

    return engine


def _postgresql(url: URL, *, connections: int) -> AsyncEngine:
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
