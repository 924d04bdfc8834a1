"""
The journal: every event in the order of its commit.

A reader that follows it by position sees each event exactly once, also with several nodes (promise 10): positions are
given under a lock that is held until the commit can be seen (``store/writer.py``).
"""

import asyncio
import contextlib
import json
import operator
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from store.engine import Reader
from store.journal_record import EventRecord, ToldEvent, event_in_order, event_of
from store.many import ManyReads
from store.schema import event, message, recipient
from store.writer import Writer

RECORDS = (
    select(
        event,
        recipient.c.forward_path,
        message.c.subject,
        message.c.customer,
        message.c.invoice,
        message.c.accepted_at,
    )
    .join_from(event, recipient, recipient.c.id == event.c.recipient_id)
    .join(message, message.c.id == recipient.c.message_id)
)
_AFTER = RECORDS.where(event.c.position > bindparam("position")).order_by(event.c.position).limit(bindparam("limit"))
_ALL_AFTER = ManyReads(_AFTER)
_TOLD_AFTER = _AFTER.add_columns(
    message.c.header_from,
    message.c.header_message_id,
    message.c.tags,
    message.c.metadata.label("message_metadata"),
    message.c.size,
    recipient.c.opened_at,
)
_LAST = select(func.coalesce(func.max(event.c.position), 0))
_POSITION = operator.itemgetter(0)
_EVENT = len(event.c)  # columns of a row of RECORDS that are the event's


class Journal:
    """Reads events. They are written by whatever makes them true."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._followers: set[asyncio.Event] = set()
        writer.on_events(self._wake)

    def _wake(self) -> None:
        for follower in self._followers:
            follower.set()

    async def after(self, position: int, limit: int = 1000) -> list[EventRecord]:
        """Give up to ``limit`` events behind a position, in order."""

        def read(connection: Connection) -> list[EventRecord]:
            rows = _ALL_AFTER.execute(connection, {"position": position, "limit": limit})
            return [_record(row) for row in sorted(rows, key=_POSITION)]

        return await self._reader.run(read)

    async def told(self, position: int, limit: int = 500) -> list[ToldEvent]:
        """Give up to ``limit`` events behind a position, in order, with all that programs outside are told."""

        def read(connection: Connection) -> list[ToldEvent]:
            return [_told(row) for row in connection.execute(_TOLD_AFTER, {"position": position, "limit": limit})]

        return await self._reader.run(read)

    @contextlib.contextmanager
    def news(self) -> Iterator[asyncio.Event]:
        """Give an event that is set at each commit of this process that brought events."""
        news = asyncio.Event()
        self._followers.add(news)
        try:
            yield news
        finally:
            self._followers.discard(news)

    async def last_position(self) -> int:
        """Give the position of the newest event; 0 when there is none."""
        return await self._reader.run(lambda connection: connection.execute(_LAST).scalar_one())

    async def follow(self, position: int | None, *, poll: float = 0.2) -> AsyncIterator[EventRecord]:
        """Give all events behind a position, and then each new one, for ever. See ``pages``."""
        async with contextlib.aclosing(self.pages(position, poll=poll)) as pages:
            async for records in pages:
                for record in records:
                    yield record

    async def pages(
        self, position: int | None, *, poll: float = 0.2, gather: float = 0.0
    ) -> AsyncGenerator[list[EventRecord]]:
        """
        Give all events behind a position, and then those that are new, for ever: as many at once as there are.

        Args:
            position: None: only what comes from now on.
            poll: Seconds between looks for events of other processes; those of this one are given at once.
            gather: Seconds for which events of this process may wait for others: one look for many costs less.
        """
        if position is None:
            position = await self.last_position()
        with self.news() as news:
            while True:
                news.clear()
                records = await self.after(position)
                if records:
                    position = records[-1].position
                    yield records
                    if gather:
                        await asyncio.sleep(gather)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(poll):  # wait_for can swallow a cancellation that comes with news
                        await news.wait()


def _record(row: Sequence[Any]) -> EventRecord:
    """Make it from the values of a row of RECORDS, in its order: to ask each by its name costs as much again."""
    forward_path, subject, customer, invoice, accepted_at = row[_EVENT:]
    return EventRecord(
        position=row[0],
        event=event_in_order(row[1:_EVENT]),
        forward_path=forward_path,
        subject=subject,
        customer=customer,
        invoice=invoice,
        message_accepted_at=accepted_at,
    )


def event_record(row: Any) -> EventRecord:
    """Make it from a row of RECORDS."""
    return EventRecord(
        position=row.position,
        event=event_of(row),
        forward_path=row.forward_path,
        subject=row.subject,
        customer=row.customer,
        invoice=row.invoice,
        message_accepted_at=row.accepted_at,
    )


def _told(row: Any) -> ToldEvent:
    return ToldEvent(
        record=event_record(row),
        sender=row.header_from,
        header_message_id=row.header_message_id,
        tags=tuple(json.loads(row.tags)),
        metadata=json.loads(row.message_metadata),
        size=row.size,
        first_opened_at=row.opened_at,
    )
