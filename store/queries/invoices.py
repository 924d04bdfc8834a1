"""The invoice log: every mail about one invoice, and what became of each."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from store.engine import Reader
from store.find import found_of
from store.queries.counting import COUNTED, counts
from store.queries.messages import MESSAGES, lines, message_row
from store.queries.page import PAGE, Page, after, page
from store.queries.rows import InvoiceLog, MessageRow, Role, Sent
from store.recent import ROWS
from store.schema import message, recipient
from store.sql import among

RECIPIENTS = 100  # of one mail that are shown; the list of its recipients has them all
RECEIPT: Literal["receipt"] = "receipt"  # a tag

# All served by message_invoice; the empty string is outside it.
_ABOUT = (message.c.invoice == bindparam("invoice"), message.c.invoice != "")
_PAGE = (
    MESSAGES.where(*_ABOUT, message.c.id > bindparam("after", type_=BigInteger))
    .order_by(message.c.id)
    .limit(bindparam("limit"))
)
_TAGS = select(message.c.id, message.c.tags).where(*_ABOUT).order_by(message.c.id)
_COUNTS = select(*COUNTED).join_from(recipient, message, message.c.id == recipient.c.message_id).where(*_ABOUT)
_CUSTOMERS = select(message.c.customer).where(*_ABOUT, message.c.customer != "").distinct().order_by(message.c.customer)
_place = func.row_number().over(partition_by=recipient.c.message_id, order_by=recipient.c.id).label("place")
_numbered = select(recipient.c.id, _place).where(among(recipient.c.message_id, "ids")).subquery()
_RECIPIENTS = (
    ROWS.join(_numbered, _numbered.c.id == recipient.c.id)
    .where(_numbered.c.place <= RECIPIENTS)
    .order_by(recipient.c.id)
)


class Invoices:
    """Gives the log of an invoice."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def log(self, invoice: str, *, limit: int = PAGE, cursor: str | None = None) -> InvoiceLog | None:
        """
        Give what was mailed about an invoice, oldest first; None: nothing was.

        The first mail is "first"; each later one is a "reminder" and has a number, unless it carries the tag
        ``receipt``. BadCursor where ``cursor`` is none of ours.
        """
        given: dict[str, Any] = {"invoice": invoice}
        span = {**given, "after": after(cursor), "limit": limit + 1}

        def read(connection: Connection) -> InvoiceLog | None:
            tags = connection.execute(_TAGS, given).all()
            if not tags:
                return None
            shown = page([message_row(row) for row in connection.execute(_PAGE, span)], limit, _id)
            return InvoiceLog(
                invoice=invoice,
                customers=tuple(connection.execute(_CUSTOMERS, given).scalars()),
                counts=counts(connection.execute(_COUNTS, given).one()),
                sent=Page(tuple(_sent(connection, shown.items, _roles(tags))), shown.next),
            )

        return await self._reader.run(read)


def _id(row: MessageRow) -> str:
    return str(row.message_id)


def _roles(tags: Sequence[Any]) -> dict[int, tuple[Role, int]]:
    """Say of each mail, oldest first, whether it was the first one, which reminder, or a receipt."""
    roles: dict[int, tuple[Role, int]] = {}
    bills = 0
    for row in tags:
        if f'"{RECEIPT}"' in row.tags.lower():
            roles[row.id] = (RECEIPT, 0)
        else:
            roles[row.id] = ("reminder", bills) if bills else ("first", 0)
            bills += 1
    return roles


def _sent(connection: Connection, rows: Sequence[MessageRow], roles: dict[int, tuple[Role, int]]) -> list[Sent]:
    found = found_of(connection, connection.execute(_RECIPIENTS, {"ids": [row.message_id for row in rows]}).all())
    return [
        Sent(
            message=line.message,
            role=roles[line.message.message_id][0],
            number=roles[line.message.message_id][1],
            counts=line.counts,
            recipients=tuple(one for one in found if one.recipient.message_id == line.message.message_id),
        )
        for line in lines(connection, rows)
    ]
