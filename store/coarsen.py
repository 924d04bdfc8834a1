"""
Coarsening: when the raw facts of opens are past their retention, of the time of an open only the day is left.

It is the one change that is ever made to an event: its place in the journal, verdict and rule stay. How far it came is
kept as a mark, so that each event is looked at once.
"""

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from store.schema import event, mark, recipient
from store.sql import among
from store.writer import Transaction

DAY = 86_400.0
_MARK = "opens coarsened"  # its "time" is a position of the journal

_GET_MARK = select(mark.c.at).where(mark.c.name == _MARK)
_SET_MARK = update(mark).where(mark.c.name == _MARK).values(at=bindparam("position"))
_ADD_MARK = insert(mark)
_NEXT = (
    select(event.c.position, event.c.at, event.c.kind, event.c.recipient_id)
    .where(event.c.position > bindparam("after"))
    .order_by(event.c.position)
    .limit(bindparam("limit"))
)
_EVENT = update(event).where(event.c.position == bindparam("b_position")).values(at=bindparam("b_at"))
_TIMES = (
    select(recipient.c.id, recipient.c.opened_at, recipient.c.last_opened_at)
    .where(among(recipient.c.id, "ids"))
    .order_by(recipient.c.id)
    .with_for_update()
)
_RECIPIENT = (
    update(recipient)
    .where(recipient.c.id == bindparam("b_id"))
    .values(opened_at=bindparam("b_opened_at"), last_opened_at=bindparam("b_last_opened_at"))
)


def coarsen(transaction: Transaction, cutoff: float, limit: int) -> int:
    """Go on by up to ``limit`` events that are older than ``cutoff``, and say how many they were."""
    connection = transaction.connection
    reached = connection.execute(_GET_MARK).scalar()
    old: list[Any] = []
    for row in connection.execute(_NEXT, {"after": int(reached or 0), "limit": limit}):
        if row.at >= cutoff:
            break
        old.append(row)
    if not old:
        return 0
    opened = [row for row in old if row.kind == "opened"]
    if opened:
        connection.execute(_EVENT, [{"b_position": row.position, "b_at": _day(row.at)} for row in opened])
        _coarsen_recipients(connection, sorted({row.recipient_id for row in opened}), cutoff)
    if reached is None:
        connection.execute(_ADD_MARK, {"name": _MARK, "at": float(old[-1].position)})
    else:
        connection.execute(_SET_MARK, {"position": float(old[-1].position)})
    return len(old)


def _coarsen_recipients(connection: Connection, ids: list[int], cutoff: float) -> None:
    rows = [
        {
            "b_id": row.id,
            "b_opened_at": _day_if_old(row.opened_at, cutoff),
            "b_last_opened_at": _day_if_old(row.last_opened_at, cutoff),
        }
        for row in connection.execute(_TIMES, {"ids": ids})
    ]
    if rows:
        connection.execute(_RECIPIENT, rows)


def _day_if_old(at: float | None, cutoff: float) -> float | None:
    return _day(at) if at is not None and at < cutoff else at


def _day(at: float) -> float:
    """Give the beginning of the day, UTC."""
    return at // DAY * DAY
