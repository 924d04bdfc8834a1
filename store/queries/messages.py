"""Messages in lists, the newest first, each with the counts of its recipients; and one message."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from store.engine import Reader
from store.queries import narrow
from store.queries.counting import COUNTED, counts
from store.queries.page import PAGE, Page, before, page
from store.queries.rows import MessageLine, MessageRow
from store.queries.search import Search
from store.queries.standing import Counts
from store.schema import message, recipient
from store.sql import among

MESSAGES = select(message)
_GET = MESSAGES.where(message.c.id == bindparam("id", type_=BigInteger))
# Served by recipient_message.
_COUNTS = (
    select(recipient.c.message_id, func.min(recipient.c.id).label("first"), *COUNTED)
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(among(recipient.c.message_id, "ids"))
    .group_by(recipient.c.message_id)
)
_ADDRESSES = select(recipient.c.message_id, recipient.c.forward_path).where(among(recipient.c.id, "ids"))


class Messages:
    """Lists messages."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def newest(self, search: Search, *, limit: int = PAGE, cursor: str | None = None) -> Page[MessageLine]:
        """
        Give those that fit, the newest first; where recipients are asked for, one of them must fit.

        The counts are of all recipients of the message. BadCursor where ``cursor`` is none of ours.
        """
        statement = (
            MESSAGES.where(message.c.id < before(cursor), *narrow.messages(search))
            .order_by(message.c.id.desc())
            .limit(limit + 1)
        )

        def read(connection: Connection) -> Page[MessageLine]:
            rows = [message_row(row) for row in connection.execute(statement)]
            shown = page(rows, limit, lambda row: str(row.message_id))
            return Page(tuple(lines(connection, shown.items)), shown.next)

        return await self._reader.run(read)

    async def get(self, message_id: int) -> MessageLine | None:
        """Give one; None: there is none, or no longer."""

        def read(connection: Connection) -> MessageLine | None:
            rows = [message_row(row) for row in connection.execute(_GET, {"id": message_id})]
            return next(iter(lines(connection, rows)), None)

        return await self._reader.run(read)


def lines(connection: Connection, rows: Sequence[MessageRow]) -> list[MessageLine]:
    """Give each message its counts and its first address."""
    counted = {row.message_id: row for row in connection.execute(_COUNTS, {"ids": [it.message_id for it in rows]})}
    firsts = {"ids": [row.first for row in counted.values()]}
    address = {row.message_id: row.forward_path for row in connection.execute(_ADDRESSES, firsts)}
    return [
        MessageLine(
            row,
            counts(counted[row.message_id]) if row.message_id in counted else Counts(),
            address.get(row.message_id, ""),
        )
        for row in rows
    ]


def message_row(row: Any) -> MessageRow:
    """Make it from a row of the table."""
    return MessageRow(
        message_id=row.id,
        accepted_at=row.accepted_at,
        expires_at=row.expires_at,
        subject=row.subject,
        header_from=row.header_from,
        header_to=row.header_to,
        header_message_id=row.header_message_id,
        reverse_path=row.reverse_path,
        customer=row.customer,
        invoice=row.invoice,
        tags=tuple(json.loads(row.tags)),
        metadata=json.loads(row.metadata),
        warnings=tuple(json.loads(row.warnings)),
        size=row.size,
        credential=row.credential,
        client=row.client,
        no_pixel_why=row.no_pixel_why,
        counted_opens=row.counted_opens,
        counted_machine_opens=row.counted_machine_opens,
        content_erased_at=row.content_erased_at,
    )
