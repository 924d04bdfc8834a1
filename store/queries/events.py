"""Events in lists, for people and programs that do not follow the journal: the newest first, or on from a position."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Select, select

from store.engine import Reader
from store.journal import RECORDS, event_record
from store.journal_record import EventRecord
from store.nouns import Reason, Verdict
from store.queries import narrow
from store.queries.page import PAGE, Page, after, before, page
from store.queries.search import Search
from store.schema import event, recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which events are meant; all that is given must fit."""

    kinds: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    reasons: tuple[Reason, ...] = ()
    recipient_id: int | None = None
    since: float | None = None  # Unix seconds, of the event itself
    until: float | None = None
    about: Search = field(default_factory=Search)  # the recipients they are about; its times are of acceptance


class Events:
    """Lists events."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def newest(self, which: Which, *, limit: int = PAGE, cursor: str | None = None) -> Page[EventRecord]:
        """Give those that are meant, the last one first. BadCursor where ``cursor`` is no position."""
        statement = RECORDS.where(event.c.position < before(cursor)).order_by(event.c.position.desc())
        return await self._page(statement, which, limit)

    async def oldest(self, which: Which, *, limit: int = PAGE, cursor: str | None = None) -> Page[EventRecord]:
        """Give those that are meant behind a position, in order. BadCursor where ``cursor`` is no position."""
        statement = RECORDS.where(event.c.position > after(cursor)).order_by(event.c.position)
        return await self._page(statement, which, limit)

    async def _page(self, statement: Select[Any], which: Which, limit: int) -> Page[EventRecord]:
        statement = statement.where(*_conditions(which)).limit(limit + 1)

        def read(connection: Connection) -> Page[EventRecord]:
            return page([event_record(row) for row in connection.execute(statement)], limit, _position)

        return await self._reader.run(read)


def _position(record: EventRecord) -> str:
    return str(record.position)


def _conditions(which: Which) -> Sequence[Any]:
    wanted = [] if which.recipient_id is None else [event.c.recipient_id == which.recipient_id]
    if which.kinds:
        wanted.append(event.c.kind.in_(which.kinds))
    if which.verdicts:
        wanted.append(event.c.verdict.in_([verdict.value for verdict in which.verdicts]))
    if which.reasons:
        wanted.append(event.c.reason.in_([reason.value for reason in which.reasons]))
    if which.since is not None:
        wanted.append(event.c.at >= which.since)
    if which.until is not None:
        wanted.append(event.c.at < which.until)
    about = replace(which.about, message_id=None)
    if which.about.message_id is not None and not about:
        # Served by recipient_message and event_recipient.
        mine = select(recipient.c.id).where(recipient.c.message_id == which.about.message_id)
        wanted.append(event.c.recipient_id.in_(mine))
    elif which.about:
        wanted.append(event.c.recipient_id.in_(select(recipient.c.id).where(*narrow.recipients(which.about))))
    return wanted
