"""Finds recipients, with their events, by whatever people have in hand."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from store.addresses import address_key
from store.engine import Reader
from store.events import Event
from store.journal_record import event_of
from store.recent import ROWS, recipient_row
from store.rows import Found
from store.schema import event, message, recipient
from store.sql import among

LIMIT = 100  # recipients that one search gives, newest first

_BY_ID = ROWS.where(recipient.c.id == bindparam("key"))
_NEWEST = ROWS.order_by(recipient.c.id.desc()).limit(bindparam("limit"))
_BY_MESSAGE = _NEWEST.where(recipient.c.message_id == bindparam("key"))
_BY_ADDRESS = _NEWEST.where(recipient.c.address_key == bindparam("key"))
# The empty string is outside the partial indexes.
_BY_INVOICE = _NEWEST.where(message.c.invoice == bindparam("key"), message.c.invoice != "")
_BY_CUSTOMER = _NEWEST.where(message.c.customer == bindparam("key"), message.c.customer != "")
_BY_HEADER_MESSAGE_ID = _NEWEST.where(message.c.header_message_id == bindparam("key"))
# Served by message_header_message_id and recipient_message.
_BY_HEADER_MESSAGE_ID_AND_ADDRESS = _BY_HEADER_MESSAGE_ID.where(recipient.c.address_key == bindparam("address"))
_EVENTS = select(event).where(among(event.c.recipient_id, "ids")).order_by(event.c.recipient_id, event.c.position)


class Find:
    """Each search gives recipients with all their events, newest recipient first."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def recipient(self, recipient_id: int) -> Found | None:
        """Give one recipient; None: there is none, or no longer."""
        found = await self._find(_BY_ID, {"key": recipient_id})
        return found[0] if found else None

    async def message(self, message_id: int, *, limit: int = LIMIT) -> list[Found]:
        """Give the recipients of one message."""
        return await self._find(_BY_MESSAGE, {"key": message_id, "limit": limit})

    async def by_address(self, address: str, *, limit: int = LIMIT) -> list[Found]:
        """Give what was sent to an address, however it is written."""
        return await self._find(_BY_ADDRESS, {"key": address_key(address), "limit": limit})

    async def by_invoice(self, invoice: str, *, limit: int = LIMIT) -> list[Found]:
        """Give what was mailed about an invoice."""
        return await self._find(_BY_INVOICE, {"key": invoice, "limit": limit})

    async def by_customer(self, customer: str, *, limit: int = LIMIT) -> list[Found]:
        """Give what a customer was sent."""
        return await self._find(_BY_CUSTOMER, {"key": customer, "limit": limit})

    async def by_header_message_id(self, header_message_id: str, *, limit: int = LIMIT) -> list[Found]:
        """Give the recipients of the messages with this Message-ID, with or without its angle brackets."""
        key = header_message_id.strip().removeprefix("<").removesuffix(">")
        return await self._find(_BY_HEADER_MESSAGE_ID, {"key": key, "limit": limit})

    async def by_header_message_id_and_address(self, header_message_id: str, address: str) -> list[Found]:
        """Give the recipients of the messages with this Message-ID that are this address, however it is written."""
        key = header_message_id.strip().removeprefix("<").removesuffix(">")
        given = {"key": key, "address": address_key(address), "limit": LIMIT}
        return await self._find(_BY_HEADER_MESSAGE_ID_AND_ADDRESS, given) if key else []

    async def _find(self, statement: Select[Any], given: dict[str, Any]) -> list[Found]:
        return await self._reader.run(lambda connection: found_of(connection, connection.execute(statement, given)))


def found_of(connection: Connection, given: Iterable[Any]) -> list[Found]:
    """Give each row of ROWS its events."""
    rows = [recipient_row(row) for row in given]
    events: dict[int, list[Event]] = {row.recipient_id: [] for row in rows}
    for row in connection.execute(_EVENTS, {"ids": list(events)}):
        events[row.recipient_id].append(event_of(row))
    return [Found(row, tuple(events[row.recipient_id])) for row in rows]
