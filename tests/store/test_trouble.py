"""store/trouble.py: our trouble with the store is told from a mistake in one statement."""

import errno
import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.errors import StoreLocked, StoreUnavailable
from store.trouble import translated, unavailable


def of_sqlite(code: int, text: str = "said in some language") -> OperationalError:
    cause = sqlite3.OperationalError(text)
    cause.sqlite_errorcode = code
    return OperationalError("select 1", {}, cause)


class OfPostgresql(Exception):
    """What the driver raises: only its code is looked at."""

    def __init__(self, state: str) -> None:
        super().__init__("the server's own words")
        self.sqlstate = state


def of_postgresql(state: str) -> OperationalError:
    return OperationalError("select 1", {}, OfPostgresql(state))


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite(sqlite3.SQLITE_FULL),
        of_postgresql("53100"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_full_disk_is_told_as_such(error: Exception) -> None:
    """By its code: senders then hear 452, not 451."""
    told = unavailable(error)
    assert told is not None
    assert told.full


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite(sqlite3.SQLITE_BUSY),
        of_sqlite(sqlite3.SQLITE_LOCKED),
        of_sqlite(sqlite3.SQLITE_IOERR | (1 << 8)),
        of_sqlite(sqlite3.SQLITE_READONLY),
        of_postgresql("08006"),
        of_postgresql("53300"),
        of_postgresql("57P01"),
        of_postgresql("58030"),
        of_postgresql("25006"),
        of_postgresql("55P03"),
        OSError(errno.ECONNREFUSED, "Connection refused"),
        TimeoutError(),
        PoolTimeout("no connection in time"),
    ],
)
def test_what_passes_is_our_trouble(error: Exception) -> None:
    """Locked, gone, shutting down, read only: it is tried again, and nothing of it is the sender's fault."""
    told = unavailable(error)
    assert told is not None
    assert not told.full
    assert str(told)


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite(sqlite3.SQLITE_ERROR, "no such column"),
        of_postgresql("42703"),
        of_postgresql("22001"),
        of_postgresql("23505"),
        IntegrityError("insert", {}, sqlite3.IntegrityError("UNIQUE constraint failed")),
        KeyError("x"),
    ],
)
def test_a_mistake_is_none_of_it(error: Exception) -> None:
    """Trying again would not help, so it must not look as if it did."""
    assert unavailable(error) is None
    assert translated(error) is error


def test_a_connection_that_broke_is_trouble_whatever_broke_it() -> None:
    """The driver marks the connection as lost."""
    error = OperationalError("select 1", {}, Exception("closed in the middle"), connection_invalidated=True)
    assert unavailable(error) is not None


def test_what_is_told_already_stays() -> None:
    """No sentence is wrapped in another one."""
    for told in (StoreUnavailable("gone", full=True), StoreLocked("another process serves")):
        assert translated(told) is told
