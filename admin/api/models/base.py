"""
Types that the models share.

Pure: no I/O, no clock, no chance.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

T = TypeVar("T")

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_VISIBLE = r"^[^\x00-\x1f\x7f]*$"
# One line of text that a store can look for: PostgreSQL takes no NUL.
Line = Annotated[str, StringConstraints(max_length=320, pattern=_VISIBLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$"), Field(description="An id: 64 bits as text.")]


class Given(BaseModel):
    """What the API gives."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # made ready by the first request that needs it


class Asked(BaseModel):
    """What the API is asked, or told to do. A name that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Paged(Given, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(description="Hand it back as `cursor` for the next page; null: this is the last.")


def _digits(value: Any) -> Any:
    """Read a number of the query: digits and nothing else, so that ``1.0`` and `` 1`` are none."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()) or len(value) > 9:
            raise ValueError("must be a whole number")
        return int(value)
    return value


def _written_time(value: Any) -> Any:
    """Read a time of the query: RFC 3339 and nothing else; a bare number is none."""
    if isinstance(value, str) and not _RFC3339.fullmatch(value):
        raise ValueError("must be a time like 2026-11-27T09:00:00Z")
    return value


def _integral(value: Any) -> Any:
    """Take ``5.0`` for the whole number that JSON Schema says it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_digits)]
QueryTime = Annotated[AwareDatetime, BeforeValidator(_written_time)]
Number = Annotated[int, BeforeValidator(_integral)]


def at(seconds: float | None) -> datetime | None:
    """Give a time of the store as one of the models; None stays None."""
    return None if seconds is None else when(seconds)


def when(seconds: float) -> datetime:
    """Give a time of the store as one of the models, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


__all__ = [
    "Asked", "AwareDatetime", "Given", "Id", "Line", "Name", "Number", "Paged", "QueryTime", "Whole", "at", "when",
]  # fmt: skip
