"""
Fill a SQLite store with very many waiting recipients, fast: what a relay finds that was down for long.

Messages are taken as any other, each with one recipient and its content. The rest of their recipients are copies of
that row, written by SQL with the indexes built afterwards. Nothing else may have the store open meanwhile.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

from store.addresses import address_key
from store.ids import NODES, Ids
from store.nouns import NewMessage, NewRecipient
from store.open import Store, open_store
from store.settings import StoreSettings

AT_ONCE = 500  # messages that are accepted together
_DAY = 86400.0


def seed(
    settings: StoreSettings,
    *,
    recipients: int,
    each: int,
    address: Callable[[int], str],
    content: bytes,
) -> None:
    """
    Make a store in which ``recipients`` are due.

    Args:
        settings: Of a store that is not there yet, on SQLite.
        recipients: How many.
        each: Recipients of one message.
        address: Gives the address of the n-th recipient, from 0.
        content: Of every message.
    """
    asyncio.run(_accept(settings, range(0, recipients, each), address, content))
    connection = sqlite3.connect(settings.url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        _multiply(connection, recipients, each, address)
    finally:
        connection.close()


async def _accept(settings: StoreSettings, firsts: range, address: Callable[[int], str], content: bytes) -> None:
    """Take the messages, each to its first recipient."""
    store = await open_store(settings, clock=time.time, node_name="seed", serving=True)
    try:
        for start in range(0, len(firsts), AT_ONCE):
            await asyncio.gather(*(_take(store, address(n), content) for n in firsts[start : start + AT_ONCE]))
    finally:
        await store.close()


async def _take(store: Store, address: str, content: bytes) -> None:
    now = time.time()
    message = NewMessage(
        id=store.ids.next(),
        accepted_at=now,
        expires_at=now + 3 * _DAY,
        credential="seed",
        reverse_path="office@club.test",
        header_from="office@club.test",
        subject="Invoice",
        size=len(content),
    )
    recipient = NewRecipient(
        id=store.ids.next(),
        forward_path=address,
        address_key=address_key(address),
        domain=address.rpartition("@")[2],
    )
    await store.queue.accept(message, content, [recipient], hold=False)


def _multiply(connection: sqlite3.Connection, recipients: int, each: int, address: Callable[[int], str]) -> None:
    """Give each message the rest of its recipients, and each of those its first event."""
    cursor = connection.execute("SELECT * FROM recipient ORDER BY id")
    columns = [column[0] for column in cursor.description]
    firsts = cursor.fetchall()
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'recipient' AND sql IS NOT NULL"
    ).fetchall()
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN IMMEDIATE")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    insert = f"INSERT INTO recipient ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own columns
    connection.executemany(insert, _copies(columns, firsts, recipients, each, address))
    connection.execute(
        "INSERT INTO event (message_id, recipient_id, kind, at) SELECT message_id, id, 'accepted', accepted_at"
        " FROM recipient WHERE id NOT IN (SELECT recipient_id FROM event)"
    )
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copies(
    columns: list[str], firsts: list[tuple[Any, ...]], recipients: int, each: int, address: Callable[[int], str]
) -> Iterator[tuple[Any, ...]]:
    """Give the rows that are missing."""
    ids = Ids(NODES - 1, time.time)  # a number that no process here gets, so that the ids are nobody else's
    for number, first in enumerate(firsts):
        row = dict(zip(columns, first, strict=True))
        for n in range(number * each + 1, min((number + 1) * each, recipients)):
            path = address(n)
            row |= {
                "id": ids.next(),
                "forward_path": path,
                "address_key": address_key(path),
                "domain": path.rpartition("@")[2],
            }
            yield tuple(row.values())
