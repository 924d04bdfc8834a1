"""
Opens: what loaded the pixels, by each recipient's tracking mode.

    off      nothing is kept
    count    two numbers of the message, for all its recipients together: the pixel's token holds the id of the message
    verdict  an event and a row for each view: when, and by what
    full     the same with address and agent, until the retention of opens

Loads of one recipient with the same verdict within the window are one view.

Where an open contradicts what was known, both facts stay visible. After a bounce the status stays Bounced, with the
time of the open beside it. After we gave up, or were told to stop, the open proves that an earlier try had arrived:
the status becomes Opened, the reason stays what it was, and the event says so. While an outcome is in doubt the
recipient becomes Opened and is tried again all the same: what loaded a pixel was judged, not known, so it must not
keep a mail from being delivered (promise 4).
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from store.addresses import address_key
from store.audit import Note, submit
from store.engine import Reader
from store.events import Opened
from store.many import ManyReads, ManyRows
from store.nodes import Nodes
from store.nouns import Open, Reason, RecipientStatus, State, TrackingMode, Verdict
from store.open_facts import OpenFacts
from store.schema import message, open_, opt_out, recipient
from store.sql import among
from store.writer import Kind, Transaction, Writer

VIEW_WINDOW = 30.0  # seconds

# What is known of recipients by their ids, without those that are not known (any more) -> what is to be recorded.
JudgeOpens = Callable[[Mapping[int, OpenFacts]], Sequence[Open]]

AFTER_BOUNCE = "it had been reported as returned"
AFTER_GIVING_UP = "an earlier try had arrived, although no answer to it came"
IN_DOUBT = "it had arrived, although no answer came; it is tried again, to be sure"

_CHANGEABLE = ("status", "opened_at", "last_opened_at", "opens", "machine_opens")
_NOBODY = ("",) * 5
_SLICE = 250  # recipients of one read: its answer is taken apart in one go, and the event loop must wait for that
_OPENED = RecipientStatus.OPENED.value
_OPENABLE = (RecipientStatus.SENDING.value, RecipientStatus.DELIVERED.value)
_BY_PERSON = frozenset(it for it in Verdict if it.by_person)
_BY_MACHINE = frozenset((Verdict.UNCERTAIN, Verdict.PREFETCH, Verdict.SCANNER))

# In the order of _Row. Served by the primary keys.
_READ = ManyReads(
    select(
        recipient.c.id,
        recipient.c.message_id,
        recipient.c.tracking,
        recipient.c.state,
        recipient.c.reason,
        recipient.c.in_doubt,
        recipient.c.delivered_at,
        recipient.c.settled_at,
        recipient.c.address_key,
        message.c.header_from,
        message.c.reverse_path,
        select(opt_out.c.at)
        .where(opt_out.c.address_key == recipient.c.address_key)
        .scalar_subquery()
        .label("opted_out"),
        *(recipient.c[name] for name in _CHANGEABLE),
    )
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(among(recipient.c.id, "ids"))
    .order_by(recipient.c.id)  # every node locks in the same order
    .with_for_update(of=recipient)
)
# Served by open_recipient.
_LAST_VIEWS = (
    select(open_.c.recipient_id, open_.c.verdict, func.max(open_.c.at).label("at"))
    .where(among(open_.c.recipient_id, "ids"))
    .group_by(open_.c.recipient_id, open_.c.verdict)
)
_WRITE = ManyRows(recipient, *_CHANGEABLE, key="id")
_KEPT = ("verdict", "rule", "address", "agent", "client", "device", "country")
_INSERT = ManyRows(open_, "id", "recipient_id", "at", *_KEPT)
_MESSAGES = select(message.c.id).where(among(message.c.id, "ids")).order_by(message.c.id).with_for_update()
_COUNT = (
    update(message)
    .where(message.c.id == bindparam("b_id"))
    .values(
        counted_opens=message.c.counted_opens + bindparam("b_opens"),
        counted_machine_opens=message.c.counted_machine_opens + bindparam("b_machine_opens"),
    )
)
# Served by open_recipient.
_LOADS = (
    select(open_.c.recipient_id, open_.c.at, *(open_.c[name] for name in _KEPT))
    .where(open_.c.recipient_id == bindparam("id"))
    .order_by(open_.c.at, open_.c.id)
)
_FORGET_OPT_OUT = delete(opt_out).where(opt_out.c.address_key == bindparam("b_key"))
_OPT_OUT = insert(opt_out)


@dataclass(frozen=True, slots=True)
class _Wish:
    recipient_ids: Collection[int]
    judge: JudgeOpens
    ids: Sequence[int]  # of ours, as many as there may be opens
    window: float


@dataclass(slots=True)
class _Row:
    """What is read of a recipient; the last five are what an open changes. In the order of _READ."""

    id: int
    message_id: int
    tracking: str
    state: str
    reason: str | None
    in_doubt: bool
    delivered_at: float | None
    settled_at: float | None
    address_key: str
    header_from: str
    reverse_path: str
    opted_out: float | None
    status: str
    opened_at: float | None
    last_opened_at: float | None
    opens: int
    machine_opens: int

    @property
    def changed(self) -> tuple[Any, ...]:
        """The parameters of _WRITE."""
        return self.status, self.opened_at, self.last_opened_at, self.opens, self.machine_opens, self.id


@dataclass(frozen=True, slots=True)
class _OptWish:
    key: str
    out: bool
    at: float


def _record(transaction: Transaction, wishes: Sequence[_Wish]) -> list[int]:
    connection = transaction.connection
    ids = sorted(set().union(*(wish.recipient_ids for wish in wishes)))
    read: dict[int, _Row] = {}
    for begin in range(0, len(ids), _SLICE):
        some = _READ.execute(connection, {"ids": ids[begin : begin + _SLICE]})
        read.update((row.id, row) for row in itertools.starmap(_Row, some))
    rows = {id_: row for id_, row in read.items() if row.opted_out is None and row.tracking != TrackingMode.OFF}
    facts = _facts(read.values())
    # Copies that left before tokens of messages existed hold their recipient's, in mode count too.
    together = {id_: row.message_id for id_, row in rows.items() if row.tracking == TrackingMode.COUNT}
    unknown = [id_ for id_ in ids if id_ not in read] + sorted(set(together.values()))
    messages = set(connection.execute(_MESSAGES, {"ids": unknown}).scalars()) if unknown else set()
    counted: dict[int, Counter[bool]] = {id_: Counter() for id_ in messages}
    last = {(id_, verdict): at for id_, verdict, at in connection.execute(_LAST_VIEWS, {"ids": ids}).all()}
    kept: list[tuple[Any, ...]] = []
    views: set[int] = set()
    counts: list[int] = []
    for wish in wishes:
        count = 0
        opens = sorted(wish.judge(facts), key=_time)
        for id_, it in zip(wish.ids, opens, strict=False):
            recipient_id, at, verdict = it[:3]
            message_id = together.get(recipient_id, recipient_id)
            if message_id in messages:
                if verdict in _BY_PERSON or verdict in _BY_MACHINE:
                    counted[message_id][verdict in _BY_PERSON] += 1
                count += 1
                continue
            row = rows.get(recipient_id)
            seen = last.get((recipient_id, verdict))
            if row is None or (seen is not None and abs(at - seen) < wish.window):
                continue
            last[recipient_id, verdict] = at if seen is None else max(at, seen)
            kept.append(_view(transaction, row, id_, it))
            views.add(recipient_id)
            count += 1
        counts.append(count)
    _WRITE.execute(connection, [rows[id_].changed for id_ in sorted(views)])
    _INSERT.execute(connection, kept)
    more = [
        {"b_id": id_, "b_opens": numbers[True], "b_machine_opens": numbers[False]}
        for id_, numbers in sorted(counted.items())
        if numbers
    ]
    if more:
        connection.execute(_COUNT, more)
    return counts


def _time(it: Open) -> float:
    return it.at


def _view(transaction: Transaction, row: _Row, id_: int, it: Open) -> tuple[Any, ...]:
    """Count one view in the row of its recipient, write its event, and give the row to keep."""
    recipient_id, at, verdict, rule, *who = it
    note = ""
    if verdict in _BY_PERSON:
        note = _contradiction(row)
        row.opens += 1
        row.opened_at = at if row.opened_at is None else min(at, row.opened_at)
        row.last_opened_at = at if row.last_opened_at is None else max(at, row.last_opened_at)
        if row.status in _OPENABLE or note == AFTER_GIVING_UP:
            row.status = _OPENED
    elif verdict in _BY_MACHINE:
        row.machine_opens += 1
    transaction.events.append(
        Opened(message_id=row.message_id, recipient_id=recipient_id, at=at, verdict=verdict, rule=rule, note=note)
    )
    return (id_, recipient_id, at, verdict.value, rule, *(who if row.tracking == TrackingMode.FULL else _NOBODY))


def _facts(rows: Iterable[_Row]) -> dict[int, OpenFacts]:
    senders: dict[tuple[str, str], tuple[str, ...]] = {}  # most of a batch have one
    facts = {}
    for row in rows:
        sender = row.header_from, row.reverse_path
        keys = senders.get(sender)
        if keys is None:
            keys = senders[sender] = tuple(address_key(it) if it else "" for it in sender)
        facts[row.id] = OpenFacts(
            row.message_id,
            row.state == State.SETTLED,
            bool(row.in_doubt),
            row.delivered_at,
            row.settled_at,
            row.address_key in keys,
            row.tracking == TrackingMode.FULL,
        )
    return facts


def _contradiction(row: _Row) -> str:
    """Say what a person's open contradicts; "" where it is what one expects."""
    if row.status == RecipientStatus.DELIVERED:  # nearly always
        return ""
    match row.status:
        case RecipientStatus.BOUNCED:
            return AFTER_BOUNCE
        case RecipientStatus.NOT_DELIVERED if row.reason != Reason.SUPPRESSED:  # suppressed: no copy ever left
            return AFTER_GIVING_UP
        case RecipientStatus.SENDING if row.in_doubt and row.delivered_at is None:
            return IN_DOUBT
        case _:
            return ""


def _opt(transaction: Transaction, wishes: Sequence[_OptWish]) -> list[bool]:
    results = []
    for wish in wishes:
        was_out = transaction.connection.execute(_FORGET_OPT_OUT, {"b_key": wish.key}).rowcount > 0
        if wish.out:
            transaction.connection.execute(_OPT_OUT, {"address_key": wish.key, "at": wish.at})
        results.append(was_out)
    return results


_RECORDS = Kind("record opens", _record)
_OPTS = Kind("opt out", _opt)


class Opens:
    """Records opens."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._clock = clock

    async def record(self, opens: Sequence[Open], *, view_window: float = VIEW_WINDOW) -> int:
        """
        Record opens in one transaction, and say how many views they were.

        Opens of recipients that are not known (any more) are left out. Raises StoreUnavailable.
        """
        return await self.judge_and_record([it.recipient_id for it in opens], lambda _: opens, view_window=view_window)

    async def judge_and_record(
        self, recipient_ids: Sequence[int], judge: JudgeOpens, *, view_window: float = VIEW_WINDOW
    ) -> int:
        """
        Have loads judged by what is known of their recipients, and record them, in one transaction.

        Args:
            recipient_ids: What the tokens of the loads hold, one for each load.
            judge: Called within the transaction, on SQLite in the writer's thread, and once more where others of the
                same transaction failed. Gives what is to be recorded, no more than there are loads.
            view_window: Loads of one recipient with the same verdict within so many seconds are one view.

        Returns:
            How many views they were. Raises StoreUnavailable.
        """
        if not recipient_ids:
            return 0
        await self._nodes.join()
        ids = self._nodes.ids.take(len(recipient_ids))
        wish = _Wish(frozenset(recipient_ids), judge, ids, view_window)
        return await self._writer.submit(_RECORDS, wish, weight=3 * len(recipient_ids))

    async def of(self, recipient_id: int) -> list[Open]:
        """Give the views of a recipient that are still kept, by time; address and the like in mode ``full`` only."""

        def read(connection: Connection) -> list[Open]:
            rows = connection.execute(_LOADS, {"id": recipient_id}).all()
            return [Open(row[0], row[1], Verdict(row[2]), *row[3:]) for row in rows]

        return await self._reader.run(read)

    async def opt_out(self, address: str, *, noted: Note | None = None) -> bool:
        """Note no opens of this address any more, of mails already sent neither. Whether that was so before."""
        wish = _OptWish(address_key(address), out=True, at=self._clock())
        return await submit(self._writer, _OPTS, wish, noted, happened=lambda before: not before)

    async def opt_in(self, address: str, *, noted: Note | None = None) -> bool:
        """Take an opt-out back. False: there was none."""
        wish = _OptWish(address_key(address), out=False, at=self._clock())
        return await submit(self._writer, _OPTS, wish, noted, happened=bool)
