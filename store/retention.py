"""
Retention: nothing grows without bound (promise 9), and what is deleted gives its space back.

    content, segments    ``contents`` after the last recipient of the message settled
    report               ``reports``
    transcript           ``transcripts``
    webhook_call, webhook_attempt    ``webhook_calls``, and no longer than ``opens``, since they tell of opens
    open                 ``opens``; from then on the events of opens and their recipients know only the day
    event                ``events``
    message, recipient   ``events`` after acceptance, once all its recipients are settled
    suppression          when it expires; one that a failure caused, with that failure (a complaint and what a person
                         added stay: they are one for each address)
    credential, api_token    ``events`` after it was revoked, or expired
    audit                ``events``
    session              7 days after it began; at most 20 for each person
    tls_result           when its report was made, or after a week ([relay.tls] reports)
    node, mark, follower have a fixed number of rows; person, opt_out: one for each person
    webhook              never: those that people made

A clock that jumps ahead must not empty the store (Q15): from one sweep to the next the retention's own time goes on
by a day at most.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Connection, Delete, and_, bindparam, delete, exists, insert, or_, select, update

from store.coarsen import coarsen
from store.contents import Contents
from store.engine import Reader
from store.ids import first_at
from store.nouns import Reason, State
from store.schema import (
    api_token,
    audit,
    content,
    credential,
    erasure,
    event,
    mark,
    message,
    open_,
    recipient,
    report,
    session,
    suppression,
    tls_result,
    transcript,
)
from store.segments import Segments
from store.sessions import LONGEST as LONGEST_SESSION
from store.settings import Retention as RetentionSettings
from store.sql import among
from store.tls_results import KEPT_DAYS
from store.webhook_schema import webhook_attempt, webhook_call
from store.writer import Kind, Transaction, Writer

CHUNK = 500  # rows of one transaction: mail that waits behind it waits for milliseconds
STEP = 86_400.0  # seconds that the retention's time goes on from one sweep to the next, at most
_PAGES = 2_000  # of SQLite, given back in one transaction
_MARK = "retention"

_GET_MARK = select(mark.c.at).where(mark.c.name == _MARK)
_SET_MARK = update(mark).where(mark.c.name == _MARK).values(at=bindparam("now"))
_ADD_MARK = insert(mark)

_unsettled = exists().where(recipient.c.message_id == message.c.id, recipient.c.state != State.SETTLED.value)
_settled_late = exists().where(recipient.c.message_id == message.c.id, recipient.c.settled_at > bindparam("cutoff"))
# Messages that are old enough, by their ids, and whose recipients all settled before the cutoff.
_OLD_CONTENTS = (
    select(message.c.id)
    .where(
        message.c.id < bindparam("before"),
        message.c.id > bindparam("after"),
        message.c.content_erased_at.is_(None),
        ~_unsettled,
        ~_settled_late,
    )
    .order_by(message.c.id)
    .limit(CHUNK)
)
_OLD_MESSAGES = (
    select(message.c.id).where(message.c.id < bindparam("before"), ~_unsettled).order_by(message.c.id).limit(CHUNK)
)
_ERASE = update(message).where(among(message.c.id, "ids")).values(content_erased_at=bindparam("now"))
_RECIPIENTS_OF = select(recipient.c.id).where(among(recipient.c.message_id, "ids")).limit(CHUNK)
_SEGMENTS_IN_USE = select(message.c.content_segment).where(message.c.content_erased_at.is_(None)).distinct()

_DELETE_CONTENTS = delete(content).where(among(content.c.message_id, "ids"))
_DELETE_MESSAGES = delete(message).where(among(message.c.id, "ids"))
_DELETE_RECIPIENTS = delete(recipient).where(among(recipient.c.id, "ids"))
_DELETE_OF_RECIPIENTS = (
    delete(event).where(among(event.c.recipient_id, "ids")),
    delete(report).where(among(report.c.recipient_id, "ids")),
    delete(open_).where(among(open_.c.recipient_id, "ids")),
    delete(transcript).where(among(transcript.c.recipient_id, "ids")),
    _DELETE_RECIPIENTS,
)


def _oldest(table: Any) -> Delete:
    """Delete a chunk of rows by their ids, which are ordered by time."""
    chunk = select(table.c.id).where(table.c.id < bindparam("before")).order_by(table.c.id).limit(CHUNK)
    return delete(table).where(table.c.id.in_(chunk))


_DELETE_REPORTS = _oldest(report)
_DELETE_TRANSCRIPTS = _oldest(transcript)
_DELETE_WEBHOOK_CALLS = _oldest(webhook_call)
_DELETE_WEBHOOK_ATTEMPTS = _oldest(webhook_attempt)
_DELETE_OPENS = _oldest(open_)
_DELETE_AUDIT = _oldest(audit)
# The journal's oldest end, as far as it is old.
_OLD_EVENTS = select(event.c.position, event.c.at).order_by(event.c.position).limit(CHUNK)
_DELETE_EVENTS = delete(event).where(among(event.c.position, "ids", BigInteger))
_DELETE_SUPPRESSIONS = delete(suppression).where(
    or_(
        suppression.c.expires_at <= bindparam("now"),
        and_(
            suppression.c.caused_by.is_not(None),
            suppression.c.reason != Reason.COMPLAINT.value,
            suppression.c.at < bindparam("cutoff"),
        ),
    )
)
_DELETE_ERASURES = delete(erasure).where(erasure.c.at < bindparam("cutoff"))
_DELETE_SESSIONS = delete(session).where(session.c.created_at < bindparam("cutoff"))
_DELETE_TLS_RESULTS = delete(tls_result).where(tls_result.c.day < bindparam("before"))
_DELETE_CREDENTIALS = delete(credential).where(credential.c.revoked_at < bindparam("cutoff"))
_DELETE_TOKENS = delete(api_token).where(
    or_(api_token.c.revoked_at < bindparam("cutoff"), api_token.c.expires_at < bindparam("cutoff"))
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep deleted."""

    contents: int = 0
    segments: int = 0
    reports: int = 0
    transcripts: int = 0
    opens: int = 0
    events: int = 0
    coarsened: int = 0  # events looked at, of which those of opens keep only their day
    messages: int = 0
    suppressions: int = 0


_Step = Callable[[Transaction], int]
# One step of a sweep: it runs in a transaction of the writer, and says how many rows it deleted, or what it found.
_STEPS: Kind[Callable[[Transaction], Any], Any] = Kind(
    "sweep", lambda transaction, steps: [step(transaction) for step in steps]
)


class Retention:
    """Deletes what is past its time."""

    def __init__(
        self,
        settings: RetentionSettings,
        *,
        reader: Reader,
        writer: Writer,
        contents: Contents,
        segments: Segments | None,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._contents = contents
        self._segments = segments

    async def sweep(self, now: float) -> Swept:
        """Delete what is past its retention, in small transactions, and give the space back."""
        now = await self._once(lambda transaction: _advance(transaction.connection, now))
        keep = self._settings
        forgotten = now - keep.events
        swept = Swept(
            contents=await self._erase_contents(now, now - keep.contents),
            reports=await self._repeat(_deleting(_DELETE_REPORTS, before=first_at(now - keep.reports))),
            transcripts=await self._repeat(_deleting(_DELETE_TRANSCRIPTS, before=first_at(now - keep.transcripts))),
            opens=await self._repeat(_deleting(_DELETE_OPENS, before=first_at(now - keep.opens))),
            events=await self._repeat(lambda transaction: _delete_events(transaction.connection, forgotten)),
            coarsened=await self._repeat(lambda transaction: coarsen(transaction, now - keep.opens, CHUNK)),
            messages=await self._delete_messages(forgotten),
            suppressions=await self._once(_deleting(_DELETE_SUPPRESSIONS, now=now, cutoff=forgotten)),
            segments=await self._delete_segments(),
        )
        await self._once(_deleting(_DELETE_CREDENTIALS, cutoff=forgotten))
        await self._once(_deleting(_DELETE_TOKENS, cutoff=forgotten))
        await self._once(_deleting(_DELETE_ERASURES, cutoff=forgotten))
        await self._once(_deleting(_DELETE_TLS_RESULTS, before=int(now // 86_400.0) - KEPT_DAYS))
        await self._once(_deleting(_DELETE_SESSIONS, cutoff=now - LONGEST_SESSION))
        await self._repeat(_deleting(_DELETE_AUDIT, before=first_at(forgotten)))
        told = first_at(now - min(keep.webhook_calls, keep.opens))
        await self._repeat(_deleting(_DELETE_WEBHOOK_CALLS, before=told))
        await self._repeat(_deleting(_DELETE_WEBHOOK_ATTEMPTS, before=told))
        await self._repeat(_give_pages_back, full=_PAGES)
        return swept

    async def _once(self, step: Callable[[Transaction], Any]) -> Any:
        return await self._writer.submit(_STEPS, step, weight=CHUNK)

    async def _repeat(self, step: _Step, *, full: int = CHUNK) -> int:
        """Repeat a step until it did less than a full chunk."""
        total = 0
        while True:
            done: int = await self._once(step)
            total += done
            if done < full:
                return total

    async def _erase_contents(self, now: float, cutoff: float) -> int:
        """Contents are only marked here; their segment is deleted when all in it are. On PostgreSQL they are gone."""
        after, total = 0, 0
        while True:
            given = {"before": first_at(cutoff), "after": after, "cutoff": cutoff}
            ids = await self._reader.run(partial(_old_contents, given=given))
            if not ids:
                return total
            await self._once(partial(_erase, ids=ids, now=now))
            after, total = ids[-1], total + len(ids)

    async def _delete_messages(self, cutoff: float) -> int:
        total, more = 0, True
        while more:
            deleted, more = await self._once(lambda transaction: _delete_messages(transaction.connection, cutoff))
            total += deleted
        return total

    async def _delete_segments(self) -> int:
        if self._segments is None:
            return 0
        segments, current = self._segments, self._segments.current  # before the look at the rows: what comes is newer
        in_use = set(await self._reader.run(lambda connection: connection.execute(_SEGMENTS_IN_USE).scalars().all()))
        unused = [number for number in segments.numbers() if number < current and number not in in_use]
        return await asyncio.to_thread(segments.delete, unused)


def _deleting(statement: Delete, **given: Any) -> _Step:
    return lambda transaction: transaction.connection.execute(statement, given).rowcount


def _advance(connection: Connection, now: float) -> float:
    """Let the retention's time go on, by a step at most, and give it."""
    last = connection.execute(_GET_MARK).scalar()
    if last is None:
        connection.execute(_ADD_MARK, {"name": _MARK, "at": now})
        return now
    now = min(now, last + STEP)
    connection.execute(_SET_MARK, {"now": now})
    return now


def _old_contents(connection: Connection, given: dict[str, Any]) -> list[int]:
    return list(connection.execute(_OLD_CONTENTS, given).scalars())


def _erase(transaction: Transaction, ids: Sequence[int], now: float) -> int:
    transaction.connection.execute(_DELETE_CONTENTS, {"ids": ids})
    return transaction.connection.execute(_ERASE, {"ids": ids, "now": now}).rowcount


def _delete_events(connection: Connection, cutoff: float) -> int:
    old = [row.position for row in connection.execute(_OLD_EVENTS) if row.at < cutoff]
    return connection.execute(_DELETE_EVENTS, {"ids": old}).rowcount if old else 0


def _delete_messages(connection: Connection, cutoff: float) -> tuple[int, bool]:
    """
    Delete a chunk of the recipients of old messages; once they have none, the messages.

    Returns:
        How many messages were deleted, and whether there may be more to do.
    """
    ids = list(connection.execute(_OLD_MESSAGES, {"before": first_at(cutoff)}).scalars())
    if not ids:
        return 0, False
    recipients = list(connection.execute(_RECIPIENTS_OF, {"ids": ids}).scalars())
    for statement in _DELETE_OF_RECIPIENTS:
        connection.execute(statement, {"ids": recipients})
    if len(recipients) == CHUNK:
        return 0, True
    connection.execute(_DELETE_CONTENTS, {"ids": ids})
    return connection.execute(_DELETE_MESSAGES, {"ids": ids}).rowcount, len(ids) == CHUNK


def _give_pages_back(transaction: Transaction) -> int:
    """Shorten the file of SQLite by what is free in it; PostgreSQL does that by itself."""
    if transaction.dialect != "sqlite":
        return 0
    connection = transaction.connection
    free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
    # One statement frees a page each time it is stepped, and the driver steps what has no columns only once.
    cursor = connection.connection.cursor()
    for _ in range(min(free, _PAGES)):
        cursor.execute("PRAGMA incremental_vacuum(1)")
    cursor.close()
    return min(free, _PAGES)
