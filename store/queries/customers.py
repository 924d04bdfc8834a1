"""The customer view: one customer, or one address, and all that was sent to them."""

from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, bindparam, case, func, literal, select

from store.addresses import address_key
from store.engine import Reader
from store.nouns import RecipientStatus
from store.queries import narrow
from store.queries.counting import COUNTED, counts
from store.queries.page import PAGE, Page, before, page
from store.queries.rows import AddressHealth, CustomerView
from store.queries.search import Search
from store.queries.standing import Counts
from store.recent import ROWS, recipient_row
from store.rows import RecipientRow, Suppression
from store.schema import message, opt_out, recipient, suppression
from store.sql import among
from store.suppressions import suppression_of

ADDRESSES = 20  # of one customer that are shown, those written to last

_LAST = func.max(recipient.c.id).label("last")


def _how_many(*statuses: RecipientStatus) -> Any:
    return func.sum(case((recipient.c.status.in_([it.value for it in statuses]), 1), else_=0))


# Served by recipient_address.
_HEALTH = (
    select(
        recipient.c.address_key,
        _LAST,
        func.count().label("mails"),
        _how_many(RecipientStatus.DELIVERED, RecipientStatus.OPENED).label("received"),
        _how_many(RecipientStatus.OPENED).label("opened"),
        _how_many(RecipientStatus.BOUNCED).label("bounced"),
        _how_many(RecipientStatus.NOT_DELIVERED).label("not_delivered"),
        func.max(recipient.c.accepted_at).label("last_sent_at"),
        func.max(recipient.c.delivered_at).label("last_delivered_at"),
        func.max(recipient.c.last_opened_at).label("last_opened_at"),
        func.max(recipient.c.bounced_at).label("last_bounced_at"),
    )
    .where(among(recipient.c.address_key, "keys", Text))
    .group_by(recipient.c.address_key)
    .order_by(_LAST.desc())
)
_LAST_ONES = (
    select(recipient.c.id, recipient.c.forward_path, message.c.customer)
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(among(recipient.c.id, "ids"))
)
_SUPPRESSED = select(suppression).where(
    among(suppression.c.address_key, "keys", Text),
    suppression.c.expires_at.is_(None) | (suppression.c.expires_at > bindparam("now")),
)
_OPTED_OUT = select(opt_out.c.address_key).where(among(opt_out.c.address_key, "keys", Text))
_CAUSES = ROWS.where(among(recipient.c.id, "ids"))
# Served by message_customer and recipient_message.
_KEYS = (
    select(recipient.c.address_key, _LAST)
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(message.c.customer == bindparam("customer"), message.c.customer != "")
    .group_by(recipient.c.address_key)
    .order_by(_LAST.desc())
    .limit(bindparam("limit"))
)
_COUNTS = select(
    *COUNTED, func.coalesce(func.sum(case((message.c.invoice != "", 1), else_=0)), 0).label("about_invoices")
).join_from(recipient, message, message.c.id == recipient.c.message_id)


class Customers:
    """Finds customers and gives the view of one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(
        self, search: Search, *, now: float, limit: int = PAGE, cursor: str | None = None
    ) -> Page[AddressHealth]:
        """
        Give the addresses that something fitting was sent to, the one written to last first.

        The numbers are of all mail to the address. BadCursor where ``cursor`` is none of ours.
        """
        latest = func.max(recipient.c.id)
        statement = (
            select(recipient.c.address_key, latest.label("latest"))
            .where(*narrow.recipients(search))
            .group_by(recipient.c.address_key)
            .having(latest < literal(before(cursor), BigInteger))
            .order_by(latest.desc())
            .limit(limit + 1)
        )

        def read(connection: Connection) -> Page[AddressHealth]:
            found = page(connection.execute(statement).all(), limit, lambda row: str(row.latest))
            health = {it.address_key: it for it in _health(connection, [row.address_key for row in found.items], now)}
            return Page(tuple(health[row.address_key] for row in found.items), found.next)

        return await self._reader.run(read)

    async def address(self, address: str, *, now: float) -> AddressHealth | None:
        """Give what is known of one address, however it is written; None: nothing was ever sent to it."""
        return await self._reader.run(
            lambda connection: next(iter(_health(connection, [address_key(address)], now)), None)
        )

    async def view(
        self, key: str, *, search: Search, now: float, limit: int = PAGE, cursor: str | None = None
    ) -> CustomerView | None:
        """
        Give the view of a customer's id, or else of an address.

        Args:
            key: The application's id of the customer, or an address, however it is written.
            search: What is asked besides; its standings narrow the rows, not the counts.
            now: Unix seconds.
            limit: Rows of the page.
            cursor: What the page before gave. BadCursor where it is none of ours.

        Returns:
            None: nothing was ever sent to such a customer.
        """

        def read(connection: Connection) -> CustomerView | None:
            given = {"customer": key, "limit": ADDRESSES}
            keys = list(connection.execute(_KEYS, given).scalars())
            mine = replace(search, customer=key) if keys else replace(search, address=key)
            addresses = _health(connection, keys or [address_key(key)], now)
            if not addresses:
                return None
            numbers = connection.execute(_COUNTS.where(*narrow.recipients(replace(mine, standings=(), kind="")))).one()
            return CustomerView(
                customer=key if keys else "",
                addresses=tuple(addresses),
                counts=_counts(connection, mine),
                invoices=int(numbers.about_invoices),
                messages=int(numbers.recipients - numbers.about_invoices),
                rows=_rows(connection, mine, limit, cursor),
            )

        return await self._reader.run(read)


def _counts(connection: Connection, search: Search) -> Counts:
    return counts(connection.execute(_COUNTS.where(*narrow.recipients(replace(search, standings=())))).one())


def _rows(connection: Connection, search: Search, limit: int, cursor: str | None) -> Page[RecipientRow]:
    statement = (
        ROWS.where(recipient.c.id < before(cursor), *narrow.recipients(search))
        .order_by(recipient.c.id.desc())
        .limit(limit + 1)
    )
    rows = [recipient_row(row) for row in connection.execute(statement)]
    return page(rows, limit, lambda row: str(row.recipient_id))


def _health(connection: Connection, keys: list[str], now: float) -> list[AddressHealth]:
    """Give what is known of each address, the one written to last first; what nothing was sent to is left out."""
    rows = connection.execute(_HEALTH, {"keys": keys}).all()
    last = {row.id: row for row in connection.execute(_LAST_ONES, {"ids": [row.last for row in rows]})}
    found = connection.execute(_SUPPRESSED, {"keys": keys, "now": now})
    stopped: dict[str, Suppression] = {row.address_key: suppression_of(row) for row in found}
    blamed = [it.caused_by for it in stopped.values() if it.caused_by is not None]
    causes = {row.id: recipient_row(row) for row in connection.execute(_CAUSES, {"ids": blamed})}
    opted_out = set(connection.execute(_OPTED_OUT, {"keys": keys}).scalars())
    return [
        AddressHealth(
            address=last[row.last].forward_path,
            address_key=row.address_key,
            customer=last[row.last].customer,
            mails=row.mails,
            received=int(row.received),
            opened=int(row.opened),
            bounced=int(row.bounced),
            not_delivered=int(row.not_delivered),
            last_sent_at=row.last_sent_at,
            last_delivered_at=row.last_delivered_at,
            last_opened_at=row.last_opened_at,
            last_bounced_at=row.last_bounced_at,
            suppression=(stop := stopped.get(row.address_key)),
            cause=causes.get(stop.caused_by) if stop and stop.caused_by is not None else None,
            opted_out=row.address_key in opted_out,
        )
        for row in rows
    ]
