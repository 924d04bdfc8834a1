"""
The journal: every event in the order of its commit.

A reader that follows it by position sees each event exactly once, also with several nodes (promise 10): positions are
given under a lock that is held until the commit can be seen (``store/writer.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from store.engine import Reader
from store.journal_record import EventRecord, event_of
from store.schema import event, message, recipient
from store.writer import Writer

_AFTER = (
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
    .where(event.c.position > bindparam("position"))
    .order_by(event.c.position)
    .limit(bindparam("limit"))
)
_LAST = select(func.coalesce(func.max(event.c.position), 0))


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
            return [_record(row) for row in connection.execute(_AFTER, {"position": position, "limit": limit})]

        return await self._reader.run(read)

    async def last_position(self) -> int:
        """Give the position of the newest event; 0 when there is none."""
        return await self._reader.run(lambda connection: connection.execute(_LAST).scalar_one())

    async def follow(self, position: int | None, *, poll: float = 0.2) -> AsyncIterator[EventRecord]:
        """
        Give all events behind a position, and then each new one, for ever.

        Args:
            position: None: only what comes from now on.
            poll: Seconds between looks for events of other processes; those of this one are given at once.
        """
        if position is None:
            position = await self.last_position()
        news = asyncio.Event()
        self._followers.add(news)
        try:
            while True:
                news.clear()
                records = await self.after(position)
                for record in records:
                    position = record.position
                    yield record
                if not records:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(poll):  # wait_for can swallow a cancellation that comes with news
                            await news.wait()
        finally:
            self._followers.discard(news)


def _record(row: Any) -> EventRecord:
    return EventRecord(
        position=row.position,
        event=event_of(row),
        forward_path=row.forward_path,
        subject=row.subject,
        customer=row.customer,
        invoice=row.invoice,
        message_accepted_at=row.accepted_at,
    )
