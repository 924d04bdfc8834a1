"""
What went wrong, as a model.

Pure: no I/O, no clock, no chance.
"""

from pydantic import Field

from admin.api.models.base import Given


class Mistake(Given):
    """One value that cannot be."""

    at: str = Field(description="Where: `query.limit`, `body.to.0`.")
    detail: str


class ProblemOut(Given):
    """A problem (RFC 9457)."""

    type: str = Field(description="A URN that stays the same whatever the words.")
    title: str
    status: int
    detail: str
    errors: tuple[Mistake, ...] = ()
