"""
Tells our trouble with the store (locked, full, gone) from a mistake in one statement or its data.

The errors of both drivers are read by their codes, never by their texts.
"""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.errors import StoreError, StoreUnavailable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PRIMARY_CODE = 0xFF  # SQLite puts details into the higher bits of an error code
_PASSING_STATES = (  # SQLSTATE classes of PostgreSQL that speak of the server, not of the statement
    "08",  # connection
    "53",  # insufficient resources
    "57",  # an operator's intervention: shutdown, crash
    "58",  # system error: I/O
    "25006",  # a standby that only reads
    "55P03",  # lock not available
)
_DISK_FULL_STATE = "53100"


def unavailable(error: BaseException) -> StoreUnavailable | None:
    """Give our trouble in one plain sentence; None when ``error`` speaks of one statement or its data."""
    if isinstance(error, StoreUnavailable):
        return error
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return _of_sqlite(cause)
    state = getattr(cause, "sqlstate", None) or ""
    if state:
        return _of_postgresql(cause, state)
    return _of_system(cause, lost=isinstance(error, DBAPIError) and error.connection_invalidated)


def translated(error: BaseException) -> BaseException:
    """Give what a caller sees: StoreUnavailable for our trouble, the error itself for a mistake."""
    return error if isinstance(error, StoreError) else unavailable(error) or error


def _of_system(cause: BaseException, *, lost: bool) -> StoreUnavailable | None:
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        return StoreUnavailable("the disk of the store is full", full=True)
    if lost or isinstance(cause, (OSError, TimeoutError, PoolTimeout)):
        return StoreUnavailable(f"the store cannot be reached: {cause or type(cause).__name__}")
    return None


def _of_sqlite(error: sqlite3.OperationalError) -> StoreUnavailable | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_ERROR:  # a statement that is wrong
        return None
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable("the disk of the store is full", full=True)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable("another process keeps the store locked")
    return StoreUnavailable(f"the store cannot be used: {error}")


def _of_postgresql(error: BaseException, state: str) -> StoreUnavailable | None:
    if state.startswith(_PASSING_STATES):
        return StoreUnavailable(f"the store cannot be used: {error}", full=state == _DISK_FULL_STATE)
    return None
