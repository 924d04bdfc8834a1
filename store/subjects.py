"""
What is kept of one address: all of it given out, and erased.

Erased are the address's recipients with their events, opens, reports, transcripts and calls of webhooks, and the
messages that went to nobody else, contents included. A message that went to others too stays theirs. A batch of a
webhook that tells of others as well, and is not delivered yet, is left: its retention is short. A suppression and an
opt-out stay, with their reason: they are what keeps further mail and records away; they go only when that is asked for.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, insert, select

from store.addresses import address_key
from store.contents import Contents
from store.engine import Reader
from store.errors import ContentDamaged
from store.nodes import Nodes
from store.nouns import State
from store.schema import content, erasure, event, message, open_, opt_out, recipient, report, suppression, transcript
from store.sql import among
from store.webhook_nouns import CallState
from store.webhook_schema import webhook_attempt, webhook_call
from store.writer import Kind, Transaction, Writer

_CHUNK = 200  # recipients of one transaction

_THEIRS = select(recipient).where(recipient.c.address_key == bindparam("key")).order_by(recipient.c.id)
_MESSAGES = select(message).where(among(message.c.id, "ids")).order_by(message.c.id)
_OF_RECIPIENTS = {
    "events": select(event).where(among(event.c.recipient_id, "ids")).order_by(event.c.position),
    "opens": select(open_).where(among(open_.c.recipient_id, "ids")).order_by(open_.c.id),
    "reports": select(report).where(among(report.c.recipient_id, "ids")).order_by(report.c.id),
    "transcripts": select(transcript).where(among(transcript.c.recipient_id, "ids")).order_by(transcript.c.id),
}
_OF_ADDRESS = {
    "suppression": select(suppression).where(suppression.c.address_key == bindparam("key")),
    "opt_out": select(opt_out).where(opt_out.c.address_key == bindparam("key")),
}
# What a process works on just now is left alone: its outcome is about to be written.
_ERASABLE = (
    select(recipient.c.id, recipient.c.message_id)
    .where(recipient.c.address_key == bindparam("key"), recipient.c.state != State.CLAIMED.value)
    .order_by(recipient.c.id)
    .limit(_CHUNK)
)
_others = recipient.alias("others")
_SHARED = (
    select(_others.c.message_id)
    .where(among(_others.c.message_id, "ids"), _others.c.address_key != bindparam("key"))
    .distinct()
)
_DELETE_OF_RECIPIENTS = tuple(
    delete(table).where(among(column, "ids"))
    for table, column in (
        (event, event.c.recipient_id),
        (open_, open_.c.recipient_id),
        (report, report.c.recipient_id),
        (transcript, transcript.c.recipient_id),
        (recipient, recipient.c.id),
    )
)
_WITHOUT_RECIPIENTS = select(message.c.id).where(
    among(message.c.id, "ids"), ~exists().where(recipient.c.message_id == message.c.id)
)
# Whom a call is about stands in a list: a person is erased seldom enough for a look at all that are kept.
_CALLS = select(webhook_call.c.id, webhook_call.c.recipients, webhook_call.c.events, webhook_call.c.state)
_CALL_ROWS = select(webhook_call).where(among(webhook_call.c.id, "ids")).order_by(webhook_call.c.id)
_DELETE_CALLS = (
    delete(webhook_attempt).where(among(webhook_attempt.c.call_id, "ids")),
    delete(webhook_call).where(among(webhook_call.c.id, "ids")),
)
_DELETE_CONTENTS = delete(content).where(among(content.c.message_id, "ids"))
_DELETE_MESSAGES = delete(message).where(among(message.c.id, "ids"))
_DELETE_OF_ADDRESS = (
    delete(suppression).where(suppression.c.address_key == bindparam("key")),
    delete(opt_out).where(opt_out.c.address_key == bindparam("key")),
)
_AUDIT = insert(erasure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure took away, and what it left."""

    recipients: int
    messages: int  # that went to nobody else
    under_way: int  # recipients that are being delivered just now: ask again
    suppressed: bool  # a suppression is kept
    opted_out: bool  # an opt-out is kept


_Step = Callable[[Transaction], Any]
_STEPS: Kind[_Step, Any] = Kind("erase", lambda transaction, steps: [step(transaction) for step in steps])


class Subjects:
    """Gives out and erases what is kept of an address."""

    def __init__(
        self, reader: Reader, writer: Writer, nodes: Nodes, contents: Contents, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._contents = contents
        self._clock = clock

    async def export(self, address: str) -> dict[str, Any]:
        """Give all that is kept of an address, by table, columns as they are; octets are base64 texts."""
        key = address_key(address)
        found = await self._reader.run(lambda connection: _collect(connection, key))
        for row in found["messages"]:
            ref = await self._contents.ref(row["id"])
            try:
                raw = await self._contents.read(ref) if ref else b""
            except ContentDamaged:
                raw = b""
            row["content"] = base64.b64encode(raw).decode("ascii")
        return {"address": address, "exported_at": self._clock(), **found}

    async def erase(self, address: str, *, done_by: str, everything: bool = False) -> Erased:
        """
        Erase what is kept of an address, and note who did it; the note does not say which address.

        Args:
            address: However it is written.
            done_by: Who asked for it, for the note.
            everything: The suppression and the opt-out, too: mail may go there again, and opens be noted.
        """
        key = address_key(address)
        messages = 0
        erased: list[int] = []
        while rows := await self._reader.run(lambda c: c.execute(_ERASABLE, {"key": key}).all()):
            ids, about = [row.id for row in rows], sorted({row.message_id for row in rows})
            shared = await self._reader.run(partial(_shared, ids=about, key=key))
            for message_id in about:
                if message_id not in shared:
                    await self._contents.erase(message_id)  # first: should we die here, the rows still lead to it
            erased += ids
            messages += await self._writer.submit(_STEPS, _erasing(ids, about), weight=_CHUNK)
        calls = await self._reader.run(partial(_calls_about, ids=erased, erasable=True))
        await self._writer.submit(_STEPS, lambda transaction: _delete_calls(transaction, calls), weight=len(calls))
        await self._nodes.join()
        note = {"id": self._nodes.ids.next(), "at": self._clock(), "done_by": done_by}
        note |= {"recipients": len(erased), "messages": messages}
        await self._writer.submit(_STEPS, lambda t: _finish(t, key, note, everything=everything))
        left = await self._reader.run(lambda connection: _collect(connection, key))
        return Erased(
            recipients=len(erased),
            messages=messages,
            under_way=len(left["recipients"]),
            suppressed=bool(left["suppression"]),
            opted_out=bool(left["opt_out"]),
        )


def _collect(connection: Connection, key: str) -> dict[str, Any]:
    recipients = _rows(connection, _THEIRS, {"key": key})
    ids = [row["id"] for row in recipients]
    about = sorted({row["message_id"] for row in recipients})
    return {
        "recipients": recipients,
        "messages": _rows(connection, _MESSAGES, {"ids": about}),
        **{name: _rows(connection, statement, {"ids": ids}) for name, statement in _OF_RECIPIENTS.items()},
        "webhook_calls": _rows(connection, _CALL_ROWS, {"ids": _calls_about(connection, ids, erasable=False)}),
        **{name: _rows(connection, statement, {"key": key}) for name, statement in _OF_ADDRESS.items()},
    }


def _calls_about(connection: Connection, ids: Sequence[int], *, erasable: bool) -> list[int]:
    """Find the calls of webhooks that tell of these recipients; erasable: without batches that are still to be told."""
    about = set(ids)
    return [
        row.id
        for row in connection.execute(_CALLS)
        if not about.isdisjoint(json.loads(row.recipients))
        and not (erasable and row.events > 1 and row.state == CallState.DUE)
    ]


def _shared(connection: Connection, ids: Sequence[int], key: str) -> set[int]:
    """Give those of these messages that went to others, too."""
    return set(connection.execute(_SHARED, {"ids": ids, "key": key}).scalars())


def _rows(connection: Connection, statement: Select[Any], given: dict[str, Any]) -> list[dict[str, Any]]:
    found = connection.execute(statement, given).mappings()
    return [{name: _as_json(value) for name, value in row.items()} for row in found]


def _as_json(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes | memoryview) else value


def _erasing(ids: Sequence[int], about: Sequence[int]) -> _Step:
    def erase(transaction: Transaction) -> int:
        for statement in _DELETE_OF_RECIPIENTS:
            transaction.connection.execute(statement, {"ids": ids})
        gone = list(transaction.connection.execute(_WITHOUT_RECIPIENTS, {"ids": about}).scalars())
        transaction.connection.execute(_DELETE_CONTENTS, {"ids": gone})
        transaction.connection.execute(_DELETE_MESSAGES, {"ids": gone})
        return len(gone)

    return erase


def _delete_calls(transaction: Transaction, ids: Sequence[int]) -> None:
    for statement in _DELETE_CALLS:
        transaction.connection.execute(statement, {"ids": ids})


def _finish(transaction: Transaction, key: str, note: dict[str, Any], *, everything: bool) -> None:
    if everything:
        for statement in _DELETE_OF_ADDRESS:
            transaction.connection.execute(statement, {"key": key})
    transaction.connection.execute(_AUDIT, note)
