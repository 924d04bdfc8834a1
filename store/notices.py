"""
Notices: events that a sender may want a report of, each handed over exactly once.

The place in the journal up to which this was done moves in the transaction that takes the reports into the queue
(``follower``). So however many nodes look at the same events, one of them reports; a crash in between repeats nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, exists, func, insert, or_, select, update

from store.accept import Acceptance, AcceptWish, accept
from store.contents import Keeper
from store.engine import Reader
from store.events import Bounced, Deferred, Delivered, Event, Expired, Suppressed
from store.journal_record import event_of
from store.nodes import Nodes
from store.nouns import ContentRef, Job, NewMessage, NewRecipient
from store.room import Room
from store.schema import event, follower, message, recipient
from store.writer import Kind, Transaction, Writer

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
_POSITION = select(follower.c.position).where(follower.c.name == NAME)
_BEGIN = insert(follower)
_MOVE = (
    update(follower)
    .where(follower.c.name == NAME, follower.c.position == bindparam("seen"))
    .values(position=bindparam("to"))
)


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


@dataclass(frozen=True, slots=True)
class Letter:
    """A report, ready to be taken into the queue."""

    message: NewMessage
    content: bytes
    recipient: NewRecipient


@dataclass(frozen=True, slots=True)
class _HandOver:
    seen: int
    to: int
    letters: Sequence[AcceptWish]


class Notices:
    """Finds notices and hands the reports over."""

    def __init__(
        self, *, reader: Reader, writer: Writer, nodes: Nodes, keeper: Keeper, room: Room, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._room = room
        self._clock = clock
        self._kind: Kind[_HandOver, list[Acceptance] | None] = Kind(
            "hand reports over", lambda transaction, wishes: [_hand_over(keeper, transaction, wish) for wish in wishes]
        )

    async def position(self) -> int:
        """Give the position up to which reports were made. The first time it is the newest: the past is not told."""
        found = await self._reader.run(lambda connection: connection.execute(_POSITION).scalar())
        if found is not None:
            return int(found)
        await self._writer.submit(_BEGINNINGS, None)
        return await self.position()

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

    async def hand_over(self, batch: Batch, letters: Sequence[Letter]) -> list[Job] | None:
        """
        Take reports into the queue and note how far it went, in one transaction.

        Returns:
            The jobs that are ours to deliver, one list for all letters. None: another node was quicker, so nothing was
            written.

        Raises:
            StoreUnavailable: Nothing was written.
        """
        self._room.check()
        await self._nodes.join()
        now, life = self._clock(), self._nodes.life
        wishes = [
            AcceptWish(letter.message, letter.content, [letter.recipient], hold=True, now=now, life=life)
            for letter in letters
        ]
        taken = await self._writer.submit(self._kind, _HandOver(batch.seen, batch.to, wishes), weight=4 * len(wishes))
        return None if taken is None else [job for acceptance in taken for job in acceptance.jobs]


def _hand_over(keeper: Keeper, transaction: Transaction, wish: _HandOver) -> list[Acceptance] | None:
    moved = transaction.connection.execute(_MOVE, {"seen": wish.seen, "to": wish.to}).rowcount
    if not moved:
        return None
    taken: list[Acceptance] = []
    for outcome in accept(keeper, transaction, wish.letters) if wish.letters else ():
        if isinstance(outcome, Exception):
            raise outcome
        taken.append(outcome)
    return taken


def _begin(transaction: Transaction, wishes: Sequence[None]) -> list[None]:
    connection = transaction.connection
    if connection.execute(_POSITION).first() is None:
        connection.execute(_BEGIN, {"name": NAME, "position": connection.execute(_LAST).scalar_one()})
    return list(wishes)


_BEGINNINGS: Kind[None, None] = Kind("begin to report", _begin)


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
