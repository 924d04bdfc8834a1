"""
Contents: what applications handed over, byte for byte, apart from the status.

Beside SQLite in segment files (``store/segments.py``), on PostgreSQL in the table ``content``. Each is checked when it
is read: a byte that changed on the disk is found out here and never sent.
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from store.engine import Reader
from store.errors import ContentDamaged
from store.nouns import ContentRef
from store.schema import content, message
from store.segments import Segments, record_end
from store.trouble import translated
from store.writer import Kind, Transaction, Writer

_LAST_SEGMENT = (
    select(message.c.content_segment, message.c.content_offset, message.c.content_length)
    .where(message.c.content_segment > 0, message.c.content_erased_at.is_(None))
    .order_by(message.c.content_segment.desc(), message.c.content_offset.desc())
    .limit(1)
)
_INSERT = insert(content)
_READ = select(content.c.checksum, content.c.body).where(content.c.message_id == bindparam("message_id"))
_REF = select(
    message.c.content_segment, message.c.content_offset, message.c.content_length, message.c.content_erased_at
).where(message.c.id == bindparam("message_id"))
_ERASED = update(message).where(message.c.id == bindparam("b_id")).values(content_erased_at=bindparam("at"))
_DELETE = delete(content).where(content.c.message_id == bindparam("b_id"))


class Keeper(Protocol):
    """Where contents lie."""

    def append(self, transaction: Transaction, contents: Sequence[tuple[int, bytes]]) -> list[ContentRef]:
        """Keep ``(message id, content)`` pairs; they are on disk before the transaction commits."""
        ...

    async def read(self, ref: ContentRef) -> bytes:
        """Give a content, or raise ContentDamaged."""
        ...

    async def erase(self, ref: ContentRef) -> None:
        """Overwrite what the row alone does not hold."""
        ...


class SegmentKeeper:
    """Contents in segment files."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def append(self, transaction: Transaction, contents: Sequence[tuple[int, bytes]]) -> list[ContentRef]:
        """See Keeper."""
        refs, done = self._segments.append(contents)
        transaction.files.append(done)
        return refs

    async def read(self, ref: ContentRef) -> bytes:
        """See Keeper."""
        try:
            return await asyncio.to_thread(self._segments.read, ref)
        except OSError as error:
            raise translated(error) from error

    async def erase(self, ref: ContentRef) -> None:
        """See Keeper."""
        await asyncio.to_thread(self._segments.erase, ref)


class TableKeeper:
    """Contents in the table ``content``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def append(self, transaction: Transaction, contents: Sequence[tuple[int, bytes]]) -> list[ContentRef]:
        """See Keeper."""
        transaction.connection.execute(
            _INSERT,
            [{"message_id": id_, "checksum": zlib.crc32(body), "body": body} for id_, body in contents],
        )
        return [ContentRef(id_, 0, 0, len(body)) for id_, body in contents]

    async def read(self, ref: ContentRef) -> bytes:
        """See Keeper."""
        row = await self._reader.run(lambda c: c.execute(_READ, {"message_id": ref.message_id}).first())
        if row is None:
            raise ContentDamaged(f"the content of message {ref.message_id} is missing")
        body = bytes(row.body)
        if len(body) != ref.length or zlib.crc32(body) != row.checksum:
            raise ContentDamaged(f"the content of message {ref.message_id} is damaged")
        return body

    async def erase(self, ref: ContentRef) -> None:
        """See Keeper. The row is deleted with the message's mark."""


def _erase(transaction: Transaction, wishes: Sequence[tuple[int, float]]) -> list[None]:
    rows = [{"b_id": id_, "at": at} for id_, at in wishes]
    transaction.connection.execute(_ERASED, rows)
    transaction.connection.execute(_DELETE, [{"b_id": row["b_id"]} for row in rows])
    return [None] * len(wishes)


ERASE = Kind("erase contents", _erase)


class Contents:
    """Reads and erases contents. They are kept by ``Queue.accept``."""

    def __init__(self, keeper: Keeper, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self.keeper = keeper
        self._reader = reader
        self._writer = writer
        self._clock = clock

    async def read(self, ref: ContentRef) -> bytes:
        """Give a content as it was accepted. Raises ContentDamaged, or StoreUnavailable."""
        return await self.keeper.read(ref)

    async def ref(self, message_id: int) -> ContentRef | None:
        """Where a message's content lies; None when it was erased or never was."""
        row = await self._reader.run(lambda c: c.execute(_REF, {"message_id": message_id}).first())
        if row is None or row.content_erased_at is not None:
            return None
        return ContentRef(message_id, row.content_segment, row.content_offset, row.content_length)

    async def erase(self, message_id: int) -> bool:
        """Make one content unreadable for good, and say so in its message. False: there was none."""
        ref = await self.ref(message_id)
        if ref is None:
            return False
        await self._writer.submit(ERASE, (message_id, self._clock()))
        await self.keeper.erase(ref)
        return True


def last_record(connection: Connection) -> tuple[int, int]:
    """Find the last segment that a row refers to and where its last record ends; (0, 0) when there is none."""
    row = connection.execute(_LAST_SEGMENT).first()
    return (row.content_segment, record_end(row.content_offset, row.content_length)) if row else (0, 0)
