"""Recipients in lists: the newest first, or those of one message with what needs a person first."""

from typing import Any

from sqlalchemy import Connection, and_, literal, or_, select

from store.engine import Reader
from store.queries import narrow
from store.queries.counting import COUNTED, RANK, counts
from store.queries.page import PAGE, BadCursor, Page, before, number, page
from store.queries.search import Search
from store.queries.standing import FAILURES_FIRST, Counts, standing_of
from store.recent import ROWS, recipient_row
from store.rows import RecipientRow
from store.schema import message, recipient

_COUNTS = select(*COUNTED).join_from(recipient, message, message.c.id == recipient.c.message_id)


class Recipients:
    """Lists recipients and counts them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def newest(self, search: Search, *, limit: int = PAGE, cursor: str | None = None) -> Page[RecipientRow]:
        """Give those that fit, the newest first. BadCursor where ``cursor`` is none of ours."""
        statement = (
            ROWS.where(recipient.c.id < before(cursor), *narrow.recipients(search))
            .order_by(recipient.c.id.desc())
            .limit(limit + 1)
        )
        return await self._reader.run(lambda connection: _page(connection, statement, limit, _id))

    async def failures_first(
        self, search: Search, *, limit: int = PAGE, cursor: str | None = None
    ) -> Page[RecipientRow]:
        """
        Give those that fit: bounced, not delivered, sending, delivered, cannot be known, opened; the oldest first.

        All that fit are put in order for each page: meant for one message. BadCursor as above.
        """
        statement = ROWS.where(*narrow.recipients(search)).order_by(RANK, recipient.c.id).limit(limit + 1)
        if cursor is not None:
            rank, id_ = _ranked(cursor)
            statement = statement.where(or_(rank < RANK, and_(literal(rank) == RANK, recipient.c.id > id_)))
        return await self._reader.run(lambda connection: _page(connection, statement, limit, _rank_and_id))

    async def counts(self, search: Search) -> Counts:
        """Count those that fit."""
        statement = _COUNTS.where(*narrow.recipients(search))
        return await self._reader.run(lambda connection: counts(connection.execute(statement).one()))

    async def ids(self, search: Search, *, limit: int) -> list[int]:
        """Give the ids of those that fit, the oldest first, at most ``limit``."""
        statement = select(recipient.c.id).where(*narrow.recipients(search)).order_by(recipient.c.id).limit(limit)
        return await self._reader.run(lambda connection: list(connection.execute(statement).scalars()))

    async def get(self, recipient_ids: list[int]) -> list[RecipientRow]:
        """Give these, in order of id; what is not there is left out."""
        statement = ROWS.where(recipient.c.id.in_(recipient_ids)).order_by(recipient.c.id)
        return await self._reader.run(lambda connection: [recipient_row(row) for row in connection.execute(statement)])


def _page(connection: Connection, statement: Any, limit: int, cursor: Any) -> Page[RecipientRow]:
    return page([recipient_row(row) for row in connection.execute(statement)], limit, cursor)


def _id(row: RecipientRow) -> str:
    return str(row.recipient_id)


def _rank_and_id(row: RecipientRow) -> str:
    return f"{FAILURES_FIRST.index(standing_of(row))}.{row.recipient_id}"


def _ranked(cursor: str) -> tuple[int, int]:
    rank, dot, id_ = cursor.partition(".")
    if not dot or len(rank) != 1:
        raise BadCursor(f"{cursor[:40]!r} is no cursor of this list")
    return number(rank), number(id_)
