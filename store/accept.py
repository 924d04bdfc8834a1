"""
Acceptance: message, content, recipients and their first events in one transaction (promise 1).

However many messages and recipients wait, it is a handful of statements: three to look at what is known (a repeat, a
suppression, the same mail a moment ago), three or four to write.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import field

from sqlalchemy import Connection, Text, bindparam, func, literal, null, or_, select, text, union_all

from store.contents import Keeper
from store.dots import UNHEARD
from store.events import Accepted, Suppressed
from store.ids import first_at
from store.many import ManyRows
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
from store.plain import dataclass
from store.prepared import Prepared, Row
from store.reasons import text as reason_text
from store.schema import message, opt_out, recipient, suppression
from store.sql import among
from store.writer import Transaction

_SAME_KEY_SECONDS = 86_400.0  # an idempotency key means the first message for so long
_SAME_MAIL_SECONDS = 600.0  # the same Message-ID to the same address within this time may be a lost 250
_ROWS = 1_000  # of one statement: between two of them the event loop gets its turn
_OFF, _SENDING = TrackingMode.OFF.value, RecipientStatus.SENDING.value
_CLAIMED, _DUE, _SETTLED = State.CLAIMED.value, State.DUE.value, State.SETTLED.value

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
_LISTED = Prepared(
    union_all(
        select(
            suppression.c.address_key, suppression.c.reason, suppression.c.caused_by, literal(0).label("opted_out")
        ).where(
            among(suppression.c.address_key, "addresses", Text),
            or_(suppression.c.expires_at.is_(None), suppression.c.expires_at > bindparam("now")),
        ),
        select(opt_out.c.address_key, null(), null(), literal(1)).where(
            among(opt_out.c.address_key, "addresses", Text)
        ),
    ),
    "addresses",
    "now",
)
# Served by message_header_message_id and recipient_message.
_SAME_MAIL = Prepared(
    select(message.c.header_message_id, message.c.credential, recipient.c.address_key)
    .join(recipient, recipient.c.message_id == message.c.id)
    .where(among(message.c.header_message_id, "message_ids", Text), message.c.id >= bindparam("since")),
    "message_ids",
    "since",
)
_MESSAGE = (
    "id", "accepted_at", "expires_at", "credential", "reverse_path", "header_from", "header_to", "subject",
    "header_message_id", "size", "smtputf8", "eight_bit", "envelope_id", "ret", "customer", "invoice", "tags",
    "metadata", "warnings", "no_pixel_why", "idempotency_key", "prepended", "client", "content_segment",
    "content_offset", "content_length",
)  # fmt: skip
_INSERT_MESSAGE = ManyRows(message, *_MESSAGE)
_RECIPIENT = (
    "id", "message_id", "accepted_at", "forward_path", "address_key", "domain", "tracking", "notify",
    "original_recipient", "state", "next_attempt_at", "claimed_by", "status", "reason", "permanent", "caused_by",
    "settled_at",
)  # fmt: skip
_INSERT_RECIPIENT = ManyRows(recipient, *_RECIPIENT)


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
    heard: int = UNHEARD  # see store/dots.py


@dataclass(slots=True)
class _Known:
    """What the store says about the addresses and mails of a batch."""

    suppressed: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # address_key -> reason, caused by
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
    _INSERT_MESSAGE.execute(connection, [_message_row(wish, refs[wish.message.id]) for wish in fresh])
    rows: list[Row] = []
    jobs: dict[int, list[Job]] = {}
    for wish in fresh:
        jobs[wish.message.id] = mine = []
        for new in wish.recipients:
            tracking = TrackingMode.OFF if new.address_key in known.opted_out else new.tracking
            row, claimed = _take(transaction, wish, new, tracking.value, known)
            rows.append(row)
            if claimed:
                mine.append(_job(wish, new, tracking, refs[wish.message.id]))
        known.sent.update(_mail_keys(wish))
    for start in range(0, len(rows), _ROWS):
        _INSERT_RECIPIENT.execute(connection, rows[start : start + _ROWS])
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
    for address, reason, caused_by, opted_out in _LISTED.rows(connection, addresses, now):
        if opted_out:
            known.opted_out.add(address)
        else:
            known.suppressed[address] = reason, caused_by
    message_ids = {wish.message.header_message_id for wish in wishes} - {""}
    if message_ids:
        since = first_at(now - _SAME_MAIL_SECONDS)
        known.sent.update(_SAME_MAIL.rows(connection, message_ids, since))
    return known


def _mail_keys(wish: AcceptWish) -> Iterator[tuple[str, str, str]]:
    if wish.message.header_message_id:
        for new in wish.recipients:
            yield wish.message.header_message_id, wish.message.credential, new.address_key


def _take(
    transaction: Transaction, wish: AcceptWish, new: NewRecipient, tracking: str, known: _Known
) -> tuple[Row, bool]:
    """Decide where a new recipient begins: its row, its events, and whether it is claimed."""
    letter = wish.message
    repeated = (letter.header_message_id, letter.credential, new.address_key) in known.sent
    note = "possible duplicate" if repeated else ""
    transaction.events.append(Accepted(message_id=letter.id, recipient_id=new.id, at=wish.now, note=note))
    first = (
        new.id, letter.id, letter.accepted_at, new.forward_path, new.address_key, new.domain, tracking, new.notify,
        new.original_recipient,
    )  # fmt: skip
    listed = None if new.ignore_suppression else known.suppressed.get(new.address_key)
    if listed is None:
        if wish.hold:
            return (*first, _CLAIMED, None, wish.life, _SENDING, None, None, None, None), True
        return (*first, _DUE, wish.now, None, _SENDING, None, None, None, None), False
    reason, caused_by = listed
    transaction.events.append(
        Suppressed(
            message_id=letter.id,
            recipient_id=new.id,
            at=wish.now,
            reason=Reason.SUPPRESSED,
            caused_by=caused_by,
            note=reason_text(Reason(reason)).sentence,
        )
    )
    status, why = RecipientStatus.NOT_DELIVERED.value, Reason.SUPPRESSED.value
    return (*first, _SETTLED, None, None, status, why, True, caused_by, wish.now), False


def _message_row(wish: AcceptWish, ref: ContentRef) -> Row:
    letter = wish.message
    return (
        letter.id,
        letter.accepted_at,
        letter.expires_at,
        letter.credential,
        letter.reverse_path,
        letter.header_from,
        letter.header_to,
        letter.subject,
        letter.header_message_id,
        letter.size or len(wish.content),
        letter.smtputf8,
        letter.eight_bit,
        letter.envelope_id,
        letter.ret,
        letter.customer,
        letter.invoice,
        json.dumps(letter.tags, ensure_ascii=False) if letter.tags else "[]",
        json.dumps(letter.metadata, ensure_ascii=False) if letter.metadata else "{}",
        json.dumps(letter.warnings, ensure_ascii=False) if letter.warnings else "[]",
        letter.no_pixel_why,
        letter.idempotency_key,
        letter.prepended,
        letter.client,
        ref.segment,
        ref.offset,
        ref.length,
    )


def _job(wish: AcceptWish, new: NewRecipient, tracking: TrackingMode, ref: ContentRef) -> Job:
    letter = wish.message
    return Job(
        recipient_id=new.id,
        message_id=letter.id,
        forward_path=new.forward_path,
        domain=new.domain,
        reverse_path=letter.reverse_path,
        tracking=tracking,
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
        heard=wish.heard,
    )
