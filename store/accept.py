"""
Acceptance: message, content, recipients and their first events in one transaction (promise 1).

However many messages and recipients wait, it is a handful of statements: three to look at what is known (a repeat, a
suppression, the same mail a moment ago), three or four to write.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, insert, literal, null, or_, select, text, union_all

from store.contents import Keeper
from store.events import Accepted, Suppressed
from store.ids import first_at
from store.nouns import (
    ContentRef,
    Job,
    NewMessage,
    NewRecipient,
    Reason,
    RecipientStatus,
    State,
    TrackingMode,
)
from store.reasons import text as reason_text
from store.schema import message, opt_out, recipient, suppression
from store.sql import among
from store.writer import Transaction

_SAME_KEY_SECONDS = 86_400.0  # an idempotency key means the first message for so long
_SAME_MAIL_SECONDS = 600.0  # the same Message-ID to the same address within this time may be a lost 250
_ROWS = 1_000  # of one statement: between two of them the event loop gets its turn

# Two nodes that take the same idempotency key at once: the second waits here and then sees the first one's row.
_LOCK_KEYS = text(
    "SELECT pg_advisory_xact_lock(1752132457, hashtext(k)) FROM unnest(CAST(:keys AS text[])) AS k ORDER BY hashtext(k)"
)
# Served by message_idempotency_key.
_REPEATED = (
    select(message.c.credential, message.c.idempotency_key, func.min(message.c.id).label("id"))
    .where(
        among(message.c.idempotency_key, "keys", Text),
        message.c.idempotency_key != text("''"),
        message.c.id >= bindparam("since"),
    )
    .group_by(message.c.credential, message.c.idempotency_key)
)
# Served by the primary keys.
_LISTED = union_all(
    select(
        suppression.c.address_key, suppression.c.reason, suppression.c.caused_by, literal(0).label("opted_out")
    ).where(
        among(suppression.c.address_key, "addresses", Text),
        or_(suppression.c.expires_at.is_(None), suppression.c.expires_at > bindparam("now")),
    ),
    select(opt_out.c.address_key, null(), null(), literal(1)).where(among(opt_out.c.address_key, "addresses", Text)),
)
# Served by message_header_message_id and recipient_message.
_SAME_MAIL = (
    select(message.c.header_message_id, message.c.credential, recipient.c.address_key)
    .join(recipient, recipient.c.message_id == message.c.id)
    .where(among(message.c.header_message_id, "message_ids", Text), message.c.id >= bindparam("since"))
)
_INSERT_MESSAGE = insert(message)
_INSERT_RECIPIENT = insert(recipient)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of one handed-over message."""

    message_id: int  # the first message's, when it is repeated
    repeated: bool  # a known idempotency key: nothing was stored
    jobs: list[Job]  # recipients that are ours to deliver now


@dataclass(frozen=True, slots=True)
class AcceptWish:
    """One message to accept."""

    message: NewMessage
    content: bytes
    recipients: Sequence[NewRecipient]
    hold: bool
    now: float
    life: int  # of our process


@dataclass(slots=True)
class _Known:
    """What the store says about the addresses and mails of a batch."""

    suppressed: dict[str, Any] = field(default_factory=dict)  # address_key -> row of suppression
    opted_out: set[str] = field(default_factory=set)
    sent: set[tuple[str, str, str]] = field(default_factory=set)  # (Message-ID, credential, address_key), lately


def accept(keeper: Keeper, transaction: Transaction, wishes: Sequence[AcceptWish]) -> list[Acceptance | Exception]:
    """Carry out all waiting acceptances."""
    connection = transaction.connection
    first = _repeats(transaction, wishes)
    fresh: list[AcceptWish] = []
    for wish in wishes:
        key = (wish.message.credential, wish.message.idempotency_key)
        if not key[1] or first.setdefault(key, wish.message.id) == wish.message.id:
            fresh.append(wish)
    refs = {ref.message_id: ref for ref in _keep(keeper, transaction, fresh)}
    known = _look_up(connection, fresh)
    if fresh:
        connection.execute(_INSERT_MESSAGE, [_message_row(wish, refs[wish.message.id]) for wish in fresh])
    rows: list[dict[str, Any]] = []
    jobs: dict[int, list[Job]] = {}
    for wish in fresh:
        jobs[wish.message.id] = mine = []
        for new in wish.recipients:
            row = _take(transaction, wish, new, known)
            rows.append(row)
            if row["state"] == State.CLAIMED:
                mine.append(_job(wish, new, row["tracking"], refs[wish.message.id]))
        known.sent.update(_mail_keys(wish))
    for start in range(0, len(rows), _ROWS):
        connection.execute(_INSERT_RECIPIENT, rows[start : start + _ROWS])
    return [
        Acceptance(id_, repeated=False, jobs=jobs[id_])
        if (id_ := wish.message.id) in jobs
        else Acceptance(first[wish.message.credential, wish.message.idempotency_key], repeated=True, jobs=[])
        for wish in wishes
    ]


def _repeats(transaction: Transaction, wishes: Sequence[AcceptWish]) -> dict[tuple[str, str], int]:
    """Find the first message of each (credential, idempotency key) that was taken already."""
    keys = sorted({wish.message.idempotency_key for wish in wishes} - {""})
    if not keys:
        return {}
    if transaction.dialect == "postgresql":
        transaction.connection.execute(_LOCK_KEYS, {"keys": keys})
    since = first_at(min(wish.now for wish in wishes) - _SAME_KEY_SECONDS)
    rows = transaction.connection.execute(_REPEATED, {"keys": keys, "since": since})
    return {(row.credential, row.idempotency_key): row.id for row in rows}


def _keep(keeper: Keeper, transaction: Transaction, wishes: Sequence[AcceptWish]) -> list[ContentRef]:
    return keeper.append(transaction, [(wish.message.id, wish.content) for wish in wishes]) if wishes else []


def _look_up(connection: Connection, wishes: Sequence[AcceptWish]) -> _Known:
    known = _Known()
    if not wishes:
        return known
    now = min(wish.now for wish in wishes)
    addresses = {new.address_key for wish in wishes for new in wish.recipients}
    for row in connection.execute(_LISTED, {"addresses": addresses, "now": now}):
        if row.opted_out:
            known.opted_out.add(row.address_key)
        else:
            known.suppressed[row.address_key] = row
    message_ids = {wish.message.header_message_id for wish in wishes} - {""}
    if message_ids:
        since = first_at(now - _SAME_MAIL_SECONDS)
        for row in connection.execute(_SAME_MAIL, {"message_ids": message_ids, "since": since}):
            known.sent.add((row.header_message_id, row.credential, row.address_key))
    return known


def _mail_keys(wish: AcceptWish) -> Iterator[tuple[str, str, str]]:
    if wish.message.header_message_id:
        for new in wish.recipients:
            yield wish.message.header_message_id, wish.message.credential, new.address_key


def _take(transaction: Transaction, wish: AcceptWish, new: NewRecipient, known: _Known) -> dict[str, Any]:
    """Decide where a new recipient begins; its events and its row say so."""
    letter = wish.message
    repeated = (letter.header_message_id, letter.credential, new.address_key) in known.sent
    note = "possible duplicate" if repeated else ""
    transaction.events.append(Accepted(message_id=letter.id, recipient_id=new.id, at=wish.now, note=note))
    row = {
        "id": new.id,
        "message_id": letter.id,
        "accepted_at": letter.accepted_at,
        "forward_path": new.forward_path,
        "address_key": new.address_key,
        "domain": new.domain,
        "tracking": (TrackingMode.OFF if new.address_key in known.opted_out else new.tracking).value,
        "notify": new.notify,
        "original_recipient": new.original_recipient,
        "state": State.CLAIMED.value if wish.hold else State.DUE.value,
        "next_attempt_at": None if wish.hold else wish.now,
        "claimed_by": wish.life if wish.hold else None,
        "status": RecipientStatus.SENDING.value,
        "reason": None,
        "permanent": None,
        "caused_by": None,
        "settled_at": None,
    }
    listed = None if new.ignore_suppression else known.suppressed.get(new.address_key)
    if listed is not None:
        why = reason_text(Reason(listed.reason)).sentence
        transaction.events.append(
            Suppressed(
                message_id=letter.id,
                recipient_id=new.id,
                at=wish.now,
                reason=Reason.SUPPRESSED,
                caused_by=listed.caused_by,
                note=why,
            )
        )
        row |= {
            "state": State.SETTLED.value,
            "next_attempt_at": None,
            "claimed_by": None,
            "status": RecipientStatus.NOT_DELIVERED.value,
            "reason": Reason.SUPPRESSED.value,
            "permanent": True,
            "caused_by": listed.caused_by,
            "settled_at": wish.now,
        }
    return row


def _message_row(wish: AcceptWish, ref: ContentRef) -> dict[str, Any]:
    letter = wish.message
    return {
        "id": letter.id,
        "accepted_at": letter.accepted_at,
        "expires_at": letter.expires_at,
        "credential": letter.credential,
        "reverse_path": letter.reverse_path,
        "header_from": letter.header_from,
        "header_to": letter.header_to,
        "subject": letter.subject,
        "header_message_id": letter.header_message_id,
        "size": letter.size or len(wish.content),
        "smtputf8": letter.smtputf8,
        "eight_bit": letter.eight_bit,
        "envelope_id": letter.envelope_id,
        "ret": letter.ret,
        "customer": letter.customer,
        "invoice": letter.invoice,
        "tags": json.dumps(letter.tags, ensure_ascii=False) if letter.tags else "[]",
        "metadata": json.dumps(letter.metadata, ensure_ascii=False) if letter.metadata else "{}",
        "warnings": json.dumps(letter.warnings, ensure_ascii=False) if letter.warnings else "[]",
        "no_pixel_why": letter.no_pixel_why,
        "idempotency_key": letter.idempotency_key,
        "prepended": letter.prepended,
        "client": letter.client,
        "content_segment": ref.segment,
        "content_offset": ref.offset,
        "content_length": ref.length,
    }


def _job(wish: AcceptWish, new: NewRecipient, tracking: str, ref: ContentRef) -> Job:
    letter = wish.message
    return Job(
        recipient_id=new.id,
        message_id=letter.id,
        forward_path=new.forward_path,
        domain=new.domain,
        reverse_path=letter.reverse_path,
        tracking=TrackingMode(tracking),
        no_pixel_why=letter.no_pixel_why,
        prepended=letter.prepended,
        content=ref,
        smtputf8=letter.smtputf8,
        accepted_at=letter.accepted_at,
        expires_at=letter.expires_at,
        attempts=0,
        in_doubt=False,
        size=letter.size or len(wish.content),
        eight_bit=letter.eight_bit,
        header_from=letter.header_from,
        envelope_id=letter.envelope_id,
        ret=letter.ret,
        notify=new.notify,
        original_recipient=new.original_recipient,
    )
