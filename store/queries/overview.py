"""One message in numbers: counts with their denominators, reasons, and when it was first opened."""

from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from store.engine import Reader
from store.nouns import Reason, RecipientStatus
from store.queries.messages import MESSAGES, lines, message_row
from store.queries.rows import Overview, ReasonCount, Slot
from store.schema import message, recipient
from store.sql import slot

HOUR, DAY = 3_600, 86_400
_BY_HOUR = 3 * DAY  # seconds of opens that are shown by the hour; a longer time is shown by the day

_THIS = recipient.c.message_id == bindparam("id", type_=BigInteger)
# All served by recipient_message.
_REASONS = (
    select(recipient.c.reason, recipient.c.mistyped, func.count().label("number"))
    .where(
        _THIS,
        recipient.c.reason.is_not(None),
        recipient.c.status.not_in([RecipientStatus.DELIVERED.value, RecipientStatus.OPENED.value]),
    )
    .group_by(recipient.c.reason, recipient.c.mistyped)
)
_SPAN = select(func.min(recipient.c.opened_at).label("first"), func.max(recipient.c.opened_at).label("last")).where(
    _THIS
)


def _opens(seconds: int) -> Any:
    at = slot(recipient.c.opened_at, seconds).label("slot")
    return (
        select(at, func.count().label("number"))
        .where(_THIS, recipient.c.opened_at.is_not(None))
        .group_by("slot")
        .order_by("slot")
    )


_OPENS = {seconds: _opens(seconds) for seconds in (HOUR, DAY)}


class Overviews:
    """Gives the overview of a message."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def of(self, message_id: int) -> Overview | None:
        """Give it; None: there is no such message, or no longer."""
        return await self._reader.run(lambda connection: _read(connection, message_id))


def _read(connection: Connection, message_id: int) -> Overview | None:
    given = {"id": message_id}
    found = [message_row(row) for row in connection.execute(MESSAGES.where(message.c.id == message_id))]
    if not found:
        return None
    (line,) = lines(connection, found)
    reasons = [ReasonCount(Reason(row.reason), row.mistyped, row.number) for row in connection.execute(_REASONS, given)]
    span = connection.execute(_SPAN, given).one()
    seconds = HOUR if span.first is None or span.last - span.first < _BY_HOUR else DAY
    opens = connection.execute(_OPENS[seconds], given)
    return Overview(
        message=line.message,
        counts=line.counts,
        reasons=tuple(sorted(reasons, key=lambda it: (-it.count, it.reason.value, it.mistyped is True))),
        slot_seconds=seconds,
        first_opens=tuple(Slot(float(row.slot * seconds), row.number) for row in opens),
    )
