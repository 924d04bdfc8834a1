"""Today: what was sent, what needs a person, what waits longer than it should."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, bindparam, func, literal_column, select

from store.engine import Reader
from store.ids import first_at
from store.nouns import RecipientStatus
from store.queries.counting import COUNTED, counts
from store.queries.page import PAGE, Page, before, page
from store.queries.standing import Counts
from store.recent import ROWS, recipient_row
from store.rows import RecipientRow
from store.schema import message, recipient
from store.sql import DUE

# Served by the primary keys.
_SENT = (
    select(func.count(message.c.id.distinct()).label("messages"), *COUNTED)
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(recipient.c.id >= bindparam("since", type_=BigInteger))
)
_FAILED = ROWS.where(
    recipient.c.id < bindparam("before", type_=BigInteger),
    recipient.c.id >= bindparam("since", type_=BigInteger),
    recipient.c.status.in_([RecipientStatus.BOUNCED.value, RecipientStatus.NOT_DELIVERED.value]),
)
_FAILED_PAGE = _FAILED.order_by(recipient.c.id.desc()).limit(bindparam("limit"))
# Served by recipient_due: what is delivered at once is never in it. With the bare id, whose index is the table itself,
# SQLite would go through everything that is settled.
_ID = recipient.c.id + literal_column("0")
_LATE = (recipient.c.state == DUE, bindparam("until", type_=BigInteger) > _ID)
_DELAYED_PAGE = (
    ROWS.where(*_LATE, bindparam("before", type_=BigInteger) > _ID).order_by(_ID.desc()).limit(bindparam("limit"))
)
_DELAYED = select(func.count()).select_from(recipient).where(*_LATE)


@dataclass(frozen=True, slots=True)
class SentSince:
    """What was taken from applications since a time."""

    messages: int
    counts: Counts  # of their recipients, as they stand now


class Today:
    """What an office looks at first."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def sent(self, since: float) -> SentSince:
        """Count what was accepted since then (Unix seconds)."""
        given = {"since": first_at(since)}
        row = await self._reader.run(lambda connection: connection.execute(_SENT, given).one())
        return SentSince(row.messages, counts(row))

    async def failed(self, since: float, *, limit: int = PAGE, cursor: str | None = None) -> Page[RecipientRow]:
        """Give what was accepted since then and bounced or was not delivered, the newest first."""
        given = {"since": first_at(since), "before": before(cursor), "limit": limit + 1}

        def read(connection: Connection) -> Page[RecipientRow]:
            rows = [recipient_row(row) for row in connection.execute(_FAILED_PAGE, given)]
            return page(rows, limit, lambda row: str(row.recipient_id))

        return await self._reader.run(read)

    async def delayed(
        self, accepted_before: float, *, limit: int = PAGE, cursor: str | None = None
    ) -> Page[RecipientRow]:
        """Give what was accepted before then and still waits for its next attempt, the newest first."""
        given = {"until": first_at(accepted_before), "before": before(cursor), "limit": limit + 1}

        def read(connection: Connection) -> Page[RecipientRow]:
            rows = [recipient_row(row) for row in connection.execute(_DELAYED_PAGE, given)]
            return page(rows, limit, lambda row: str(row.recipient_id))

        return await self._reader.run(read)

    async def delayed_count(self, accepted_before: float) -> int:
        """Count what was accepted before then and still waits."""
        given = {"until": first_at(accepted_before)}
        return await self._reader.run(lambda connection: int(connection.execute(_DELAYED, given).scalar_one()))
