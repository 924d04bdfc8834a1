"""
Connections to the database, alike for SQLite and PostgreSQL.

On SQLite a write transaction begins with ``BEGIN IMMEDIATE``: the driver alone would open none before the first
write, and of two that read before they write one would lose its update. Readers never wait for the writer (WAL).

On SQLite who reads and who writes are threads with the plain driver: a batch then costs one change of threads instead
of one for each statement, measured at 2.6 times less CPU for six statements. PostgreSQL is spoken to by asyncpg, in
``store/postgresql.py``, which is loaded only where it is needed: SQLAlchemy's asyncio half brings its ORM along.
"""

import asyncio
import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from store.prepared import execute
from store.threads import Threads
from store.trouble import translated

PATIENCE = 10.0  # seconds to wait for a lock or a connection before we say that the store is unavailable
READERS = 4  # connections that read at once

T = TypeVar("T")


def database_url(url: str) -> URL:
    """Read the URL of the configuration, with the driver added. ValueError names what would be right."""
    parsed = make_url(url)
    if parsed.drivername in ("sqlite", "sqlite+aiosqlite"):
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("a SQLite store needs a file: sqlite:///var/homing.db")
        return parsed.set(drivername="sqlite")
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
        execute(connection, "BEGIN IMMEDIATE", ())  # through SQLAlchemy it costs as much as the whole transaction

    return engine


class Reader:
    """Reads on connections of its own, which never wait for what is being written."""

    def __init__(self, url: URL) -> None:
        if url.get_backend_name() == "sqlite":
            self._connections: Any = _SqliteReaders(url)
        else:
            self._connections = importlib.import_module("store.postgresql").Readers(url)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one snapshot. Raises StoreUnavailable for our trouble."""
        try:
            return cast("T", await self._connections.run(work))
        except Exception as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()


class _SqliteReaders:
    """A few threads, each with a connection while it reads."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url,
            connect_args={"timeout": PATIENCE, "isolation_level": None, "check_same_thread": False},
            pool_size=READERS,
            max_overflow=0,
        )
        event.listen(self._engine, "connect", _prepare_reader)
        event.listen(self._engine, "begin", _begin_reading)
        self._threads = Threads(READERS, "store-reader")
        self._free = asyncio.Semaphore(READERS)

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(PATIENCE):
            await self._free.acquire()
        try:
            reading = self._threads.run(partial(self._run, work))
        except BaseException:
            self._free.release()
            raise
        reading.add_done_callback(lambda _: self._free.release())  # not before, also where nobody waits any more
        return await reading

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    async def close(self) -> None:
        await self._threads.run(self._engine.dispose)
        self._threads.close()


def _prepare_reader(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.execute("PRAGMA cache_size = -4000")  # KiB
    cursor.close()


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")  # one snapshot for all that a reader asks
