"""
Notices: events that a sender may want a report of, each handed over exactly once.

The place in the journal up to which this was done moves in the transaction that takes the reports into the queue
(``letters.py``, under the name NAME).
"""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select

from store.engine import Reader
from store.events import Bounced, Deferred, Delivered, Event, Expired, Suppressed
from store.journal_record import event_of
from store.letters import Letters
from store.nouns import ContentRef
from store.schema import event, message, recipient

NAME = "notify"  # of the follower
SPAN = 5_000  # events looked through at once
FAILURES = (Bounced.kind, Expired.kind, Suppressed.kind)

_earlier = event.alias("earlier")
_overdue_at = recipient.c.accepted_at + bindparam("delay")
# The first failure of a recipient, its first delay beyond ``delay``, and what was delivered. Served by the primary keys
# and event_recipient.
_NOTABLE = or_(
    event.c.kind == Delivered.kind,
    and_(
        event.c.kind.in_(FAILURES),
        ~exists().where(
            _earlier.c.recipient_id == event.c.recipient_id,
            _earlier.c.position < event.c.position,
            _earlier.c.kind.in_(FAILURES),
        ),
    ),
    and_(
        event.c.kind == Deferred.kind,
        event.c.at >= _overdue_at,
        ~exists().where(
            _earlier.c.recipient_id == event.c.recipient_id,
            _earlier.c.position < event.c.position,
            _earlier.c.kind == Deferred.kind,
            _earlier.c.at >= _overdue_at,
        ),
    ),
)
_NOTICES = (
    select(
        event,
        recipient.c.forward_path,
        recipient.c.notify,
        recipient.c.original_recipient,
        message.c.reverse_path,
        message.c.envelope_id,
        message.c.ret,
        message.c.subject,
        message.c.header_message_id,
        message.c.accepted_at,
        message.c.expires_at,
        message.c.smtputf8,
        message.c.content_segment,
        message.c.content_offset,
        message.c.content_length,
        message.c.content_erased_at,
    )
    .join_from(event, recipient, recipient.c.id == event.c.recipient_id)
    .join(message, message.c.id == recipient.c.message_id)
    .where(
        event.c.position > bindparam("seen"),
        event.c.position <= bindparam("last"),
        event.c.at >= bindparam("since"),
        message.c.reverse_path != "",
        recipient.c.notify != "NEVER",
        or_(recipient.c.notify != "", bindparam("unasked") == 1),
        _NOTABLE,
    )
    .order_by(event.c.position)
)
_LAST = select(func.coalesce(func.max(event.c.position), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One event about a recipient, with what a report of it tells."""

    event: Event
    forward_path: str
    notify: str  # NOTIFY as the application gave it; "" when it did not (RFC 3461 section 4.1)
    original_recipient: str  # ORCPT as given
    reverse_path: str  # never ""
    envelope_id: str
    ret: str
    subject: str
    header_message_id: str
    accepted_at: float
    expires_at: float
    smtputf8: bool
    content: ContentRef | None  # None: it is not kept any more


@dataclass(frozen=True, slots=True)
class Batch:
    """What was found in a stretch of the journal."""

    seen: int  # position that stands in the store
    to: int  # position up to which was looked
    notices: tuple[Notice, ...]


class Notices:
    """Finds notices."""

    def __init__(self, reader: Reader, letters: Letters) -> None:
        self._reader = reader
        self._letters = letters

    async def position(self) -> int:
        """Give the position up to which reports were made. The first time it is the newest: the past is not told."""
        newest: int = await self._reader.run(lambda connection: connection.execute(_LAST).scalar_one())
        return await self._letters.begun(NAME, newest)

    async def after(self, seen: int, start: int, *, unasked: bool, delay: float, since: float) -> Batch:
        """
        Look through the journal behind ``start``, at most ``SPAN`` events.

        Args:
            seen: What ``position`` gave.
            start: At least ``seen``; more where nothing was found in between.
            unasked: Also those of recipients without NOTIFY. Those with NEVER are left out, and mail that had the null
                reverse-path.
            delay: Seconds after acceptance from which a deferral counts as a delay.
            since: Unix seconds; older events are passed over.
        """
        given = {"seen": start, "unasked": int(unasked), "delay": delay, "since": since}

        def read(connection: Connection) -> Batch:
            last = min(connection.execute(_LAST).scalar_one(), start + SPAN)
            rows = connection.execute(_NOTICES, {**given, "last": last}) if last > start else ()
            return Batch(seen, max(last, start), tuple(_notice(row) for row in rows))

        return await self._reader.run(read)


def _notice(row: object) -> Notice:
    given = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - the public name of a row as a mapping
    kept = given["content_erased_at"] is None
    return Notice(
        event=event_of(row),
        forward_path=given["forward_path"],
        notify=given["notify"],
        original_recipient=given["original_recipient"],
        reverse_path=given["reverse_path"],
        envelope_id=given["envelope_id"],
        ret=given["ret"],
        subject=given["subject"],
        header_message_id=given["header_message_id"],
        accepted_at=given["accepted_at"],
        expires_at=given["expires_at"],
        smtputf8=given["smtputf8"],
        content=ContentRef(
            given["message_id"], given["content_segment"], given["content_offset"], given["content_length"]
        )
        if kept
        else None,
    )
