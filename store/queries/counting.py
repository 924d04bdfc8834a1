"""Counts recipients in SQL, each under its standing; the numbers of the view ``message_overview``."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_

from store.nouns import RecipientStatus, TrackingMode
from store.queries.standing import FAILURES_FIRST, Counts, Standing
from store.schema import message, recipient

_status = recipient.c.status
_RECEIVED = or_(_status == RecipientStatus.DELIVERED.value, _status == RecipientStatus.OPENED.value)
_PIXEL = message.c.no_pixel_why == ""
# In mode count it is not known who opened: such recipients are in no percentage.
_TRACKED = and_(recipient.c.tracking.not_in([TrackingMode.OFF.value, TrackingMode.COUNT.value]), _PIXEL)


def has(standing: Standing) -> ColumnElement[bool]:
    """Whether a row of ``recipient`` has this standing."""
    match standing:
        case Standing.UNKNOWN:
            return and_(_status == RecipientStatus.DELIVERED.value, recipient.c.machine_opens > 0)
        case Standing.DELIVERED:
            return and_(_status == RecipientStatus.DELIVERED.value, recipient.c.machine_opens == 0)
        case _:
            return _status == standing.value


# Where a recipient stands in a list that begins with what needs a person.
RANK: ColumnElement[int] = case(
    *((has(standing), place) for place, standing in enumerate(FAILURES_FIRST)), else_=len(FAILURES_FIRST)
)


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


# Columns of a select from recipient joined with message.
COUNTED: tuple[ColumnElement[int], ...] = (
    func.count(recipient.c.id).label("recipients"),
    _how_many(has(Standing.OPENED)).label("opened"),
    _how_many(has(Standing.UNKNOWN)).label("unknown"),
    _how_many(_RECEIVED).label("received"),
    _how_many(has(Standing.BOUNCED)).label("bounced"),
    _how_many(has(Standing.NOT_DELIVERED)).label("not_delivered"),
    _how_many(has(Standing.SENDING)).label("sending"),
    _how_many(and_(_RECEIVED, _TRACKED)).label("tracked"),
    _how_many(and_(has(Standing.OPENED), _TRACKED)).label("opened_tracked"),
    _how_many(and_(recipient.c.tracking == TrackingMode.COUNT.value, _PIXEL)).label("counted"),
    _how_many(and_(or_(has(Standing.BOUNCED), has(Standing.NOT_DELIVERED)), recipient.c.opened_at.is_not(None))).label(
        "failed_and_opened"
    ),
)


def counts(row: Any) -> Counts:
    """Make them from a row with the columns of COUNTED."""
    return Counts(**{column.name: int(getattr(row, column.name)) for column in COUNTED})


def total(several: list[Counts]) -> Counts:
    """Add counts up."""
    return Counts(**{column.name: sum(getattr(each, column.name) for each in several) for column in COUNTED})
