"""Invoices to chase: sent some days ago and opened by nobody for certain, or not delivered to anybody."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, case, exists, func, or_, select

from store.engine import Reader
from store.ids import first_at
from store.nouns import RecipientStatus
from store.queries.counting import COUNTED, counts
from store.queries.page import PAGE, Page, before, page
from store.queries.rows import ChaseLine
from store.recent import ROWS, recipient_row
from store.rows import RecipientRow
from store.schema import message, recipient
from store.sql import among

RECIPIENTS = 20  # of an invoice's last mail that are shown

_earlier = message.alias("earlier")
_any = message.alias("any_about")
_who = recipient.alias("who")


def _some(*statuses: RecipientStatus) -> Any:
    """Whether some recipient of some mail about the invoice has one of these. Served by message_invoice."""
    return exists(
        select(1)
        .select_from(_any.join(_who, _who.c.message_id == _any.c.id))
        .where(
            _any.c.invoice == message.c.invoice, _any.c.invoice != "", _who.c.status.in_([it.value for it in statuses])
        )
        .correlate(message)
    )


# The mail that was the first about its invoice.
_FIRST = ~exists(
    select(1)
    .select_from(_earlier)
    .where(_earlier.c.invoice == message.c.invoice, _earlier.c.invoice != "", _earlier.c.id < message.c.id)
    .correlate(message)
)
_UNDELIVERED = and_(
    ~_some(RecipientStatus.DELIVERED, RecipientStatus.SENDING),
    _some(RecipientStatus.BOUNCED, RecipientStatus.NOT_DELIVERED),
)
# On SQLite: from the newest mail down, looking at one invoice at a time, and no further than the page is long.
_ONE_BY_ONE = (
    select(message.c.id, message.c.invoice)
    .where(
        message.c.invoice != "",
        message.c.id < bindparam("before", type_=BigInteger),
        message.c.id >= bindparam("since", type_=BigInteger),
        _FIRST,
        ~_some(RecipientStatus.OPENED),
        or_(message.c.id < bindparam("sent_before", type_=BigInteger), _UNDELIVERED),
    )
    .order_by(message.c.id.desc())
    .limit(bindparam("limit"))
)


def _any_has(*statuses: RecipientStatus) -> ColumnElement[int]:
    return func.sum(case((recipient.c.status.in_([it.value for it in statuses]), 1), else_=0))


_first = func.min(message.c.id)
# On PostgreSQL, whose planner makes minutes of the other one: all invoices at once, joined and grouped by hash.
_ALL_AT_ONCE = (
    select(_first.label("id"), message.c.invoice)
    .join_from(message, recipient, recipient.c.message_id == message.c.id)
    .where(message.c.invoice != "")
    .group_by(message.c.invoice)
    .having(
        and_(
            _first < bindparam("before", type_=BigInteger),
            _first >= bindparam("since", type_=BigInteger),
            _any_has(RecipientStatus.OPENED) == 0,
            or_(
                _first < bindparam("sent_before", type_=BigInteger),
                and_(
                    _any_has(RecipientStatus.DELIVERED, RecipientStatus.SENDING) == 0,
                    _any_has(RecipientStatus.BOUNCED, RecipientStatus.NOT_DELIVERED) > 0,
                ),
            ),
        )
    )
    .order_by(_first.desc())
    .limit(bindparam("limit"))
)
_CHASE = {"sqlite": _ONE_BY_ONE, "postgresql": _ALL_AT_ONCE}
_COUNTS = (
    select(
        message.c.invoice,
        func.count(message.c.id.distinct()).label("mails"),
        func.max(message.c.id).label("last"),
        func.min(message.c.accepted_at).label("first_sent_at"),
        func.max(message.c.accepted_at).label("last_sent_at"),
        *COUNTED,
    )
    .join_from(message, recipient, recipient.c.message_id == message.c.id)
    .where(message.c.invoice.in_(bindparam("invoices", expanding=True)), message.c.invoice != "")
    .group_by(message.c.invoice)
)
_ROWS = ROWS.where(among(recipient.c.message_id, "ids")).order_by(recipient.c.id)
_LAST = select(message.c.id, message.c.subject, message.c.customer).where(among(message.c.id, "ids"))


class Chase:
    """Lists invoices to chase."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def invoices(
        self, *, sent_before: float, since: float = 0.0, limit: int = PAGE, cursor: str | None = None
    ) -> Page[ChaseLine]:
        """
        Give them, the invoice that was sent last first.

        Args:
            sent_before: Unix seconds; an invoice first sent before, which nobody opened for certain, is in the list.
                One that was delivered to nobody is in it at once. What is still being sent is in neither.
            since: Unix seconds; only what was first sent from then on.
            limit: Invoices of one page.
            cursor: What the page before gave. BadCursor where it is none of ours.
        """
        given = {
            "before": before(cursor),
            "since": first_at(since),
            "sent_before": first_at(sent_before),
            "limit": limit + 1,
        }

        def read(connection: Connection) -> Page[ChaseLine]:
            found = page(
                connection.execute(_CHASE[connection.dialect.name], given).all(), limit, lambda row: str(row.id)
            )
            return Page(tuple(_lines(connection, found.items)), found.next)

        return await self._reader.run(read)


def _lines(connection: Connection, found: Sequence[Any]) -> list[ChaseLine]:
    numbers = {
        row.invoice: row for row in connection.execute(_COUNTS, {"invoices": [row.invoice for row in found]}).all()
    }
    last_ids = {"ids": [row.last for row in numbers.values()]}
    last = {row.id: row for row in connection.execute(_LAST, last_ids)}
    rows: dict[int, list[RecipientRow]] = {}
    for row in connection.execute(_ROWS, last_ids):
        rows.setdefault(row.message_id, []).append(recipient_row(row))
    return [
        ChaseLine(
            invoice=each.invoice,
            customer=last[(number := numbers[each.invoice]).last].customer,
            subject=last[number.last].subject,
            first_sent_at=number.first_sent_at,
            last_sent_at=number.last_sent_at,
            mails=number.mails,
            message_id=each.id,
            last_message_id=number.last,
            counts=counts(number),
            recipients=tuple(rows.get(number.last, ())[:RECIPIENTS]),
        )
        for each in found
        if each.invoice in numbers
    ]
