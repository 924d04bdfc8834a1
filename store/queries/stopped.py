"""Suppressions with the mail that caused each, and opt-outs: found by what people remember of an address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from store.engine import Reader
from store.nouns import Reason
from store.queries.page import PAGE, Page, page
from store.rows import Suppression
from store.schema import message, opt_out, recipient, suppression
from store.sql import holds_word
from store.suppressions import suppression_of

_LIVE = or_(suppression.c.expires_at.is_(None), suppression.c.expires_at > bindparam("now"))
_SUPPRESSIONS = (
    select(
        suppression,
        message.c.id.label("message_id"),
        message.c.subject,
        recipient.c.last_reply,
    )
    .outerjoin(recipient, recipient.c.id == suppression.c.caused_by)
    .outerjoin(message, message.c.id == recipient.c.message_id)
    .where(_LIVE, suppression.c.address_key > bindparam("after"))
    .order_by(suppression.c.address_key)
    .limit(bindparam("limit"))
)
_BY_REASON = (
    select(suppression.c.reason, func.count().label("number"))
    .where(_LIVE)
    .group_by(suppression.c.reason)
    .order_by(func.count().desc(), suppression.c.reason)
)
_OPT_OUTS = (
    select(opt_out)
    .where(opt_out.c.address_key > bindparam("after"))
    .order_by(opt_out.c.address_key)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A suppression, and the mail that caused it as far as it is still kept."""

    suppression: Suppression
    message_id: int | None
    subject: str
    reply: str  # the server's own words


@dataclass(frozen=True, slots=True)
class OptOut:
    """An address whose opens are not noted, by its owner's choice."""

    address_key: str
    at: float


class StoppedAddresses:
    """Lists what is not sent, and what is not noted."""

    def __init__(self, reader: Reader, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._clock = clock

    async def suppressions(
        self, *, text: str = "", reasons: tuple[Reason, ...] = (), limit: int = PAGE, cursor: str | None = None
    ) -> Page[Stopped]:
        """
        Give suppressions in order of their address, ``text`` within the address or the note.

        What has expired does not count. The cursor is the key of the address shown last.
        """
        statement = _SUPPRESSIONS
        if text:
            found = [holds_word(column, text) for column in (suppression.c.address, suppression.c.note)]
            statement = statement.where(or_(*found, holds_word(suppression.c.address_key, text)))
        if reasons:
            statement = statement.where(suppression.c.reason.in_([reason.value for reason in reasons]))
        given = {"after": cursor or "", "limit": limit + 1, "now": self._clock()}

        def read(connection: Connection) -> Page[Stopped]:
            rows = [_stopped(row) for row in connection.execute(statement, given)]
            return page(rows, limit, lambda row: row.suppression.address_key)

        return await self._reader.run(read)

    async def by_reason(self) -> dict[Reason, int]:
        """Count the suppressions by their reason, the most frequent first."""
        given = {"now": self._clock()}
        rows = await self._reader.run(lambda connection: connection.execute(_BY_REASON, given).all())
        return {Reason(row.reason): row.number for row in rows}

    async def opt_outs(self, *, text: str = "", limit: int = PAGE, cursor: str | None = None) -> Page[OptOut]:
        """Give opt-outs in order of their address, ``text`` within it."""
        statement = _OPT_OUTS.where(holds_word(opt_out.c.address_key, text)) if text else _OPT_OUTS
        given = {"after": cursor or "", "limit": limit + 1}

        def read(connection: Connection) -> Page[OptOut]:
            rows = [OptOut(row.address_key, row.at) for row in connection.execute(statement, given)]
            return page(rows, limit, lambda row: row.address_key)

        return await self._reader.run(read)


def _stopped(row: Any) -> Stopped:
    return Stopped(suppression_of(row), row.message_id, row.subject or "", row.last_reply or "")
