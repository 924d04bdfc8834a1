"""
One page of a list, and the cursor of the next one.

A cursor says behind which row to go on, so that rows that arrive meanwhile move nothing. People and programs hand it
back as it is.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
LARGEST_ID = 2**63 - 1
PAGE = 50  # rows, unless more are asked for
LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list."""

    items: tuple[T, ...]
    next: str | None  # cursor of the next page; None: this is the last


class BadCursor(ValueError):
    """A cursor that no page of this list gave."""


def page(rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """Make a page of up to ``limit`` + 1 rows: the one too many says that there is a next page."""
    shown = tuple(rows[:limit])
    return Page(shown, cursor(shown[-1]) if len(rows) > limit and shown else None)


def before(cursor: str | None) -> int:
    """Read the cursor of a list that goes down by id; None is its beginning. BadCursor for anything else."""
    return LARGEST_ID if cursor is None else number(cursor)


def after(cursor: str | None) -> int:
    """Read the cursor of a list that goes up by id; None is its beginning. BadCursor for anything else."""
    return 0 if cursor is None else number(cursor)


def number(text: str) -> int:
    """Read an id or a position. BadCursor where it cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > LARGEST_ID:
        raise BadCursor(f"{text[:40]!r} is no cursor of this list")
    return int(text)
