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

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from store.addresses import address_key
from store.engine import Reader
from store.events import Opened
from store.nodes import Nodes
from store.nouns import Open, Reason, RecipientStatus, State, TrackingMode, Verdict
from store.open_facts import OpenFacts
from store.schema import message, open_, opt_out, recipient
from store.sql import among
from store.writer import Kind, Transaction, Writer

VIEW_WINDOW = 30.0  # seconds

AFTER_BOUNCE = "it had been reported as returned"
AFTER_GIVING_UP = "an earlier try had arrived, although no answer to it came"
IN_DOUBT = "it had arrived, although no answer came; it is tried again, to be sure"

_CHANGEABLE = ("status", "opened_at", "last_opened_at", "opens", "machine_opens")
_OPENABLE = (RecipientStatus.SENDING.value, RecipientStatus.DELIVERED.value)
_BY_MACHINE = (Verdict.UNCERTAIN, Verdict.PREFETCH, Verdict.SCANNER)

_READ = (
    select(
        recipient.c.id,
        recipient.c.message_id,
        recipient.c.tracking,
        recipient.c.reason,
        recipient.c.in_doubt,
        recipient.c.delivered_at,
        *(recipient.c[name] for name in _CHANGEABLE),
        select(opt_out.c.at)
        .where(opt_out.c.address_key == recipient.c.address_key)
        .scalar_subquery()
        .label("opted_out"),
    )
    .where(among(recipient.c.id, "ids"))
    .order_by(recipient.c.id)  # every node locks in the same order
    .with_for_update(of=recipient)
)
_FACTS = (
    select(
        recipient.c.id,
        recipient.c.message_id,
        recipient.c.address_key,
        recipient.c.state,
        recipient.c.in_doubt,
        recipient.c.delivered_at,
        recipient.c.settled_at,
        message.c.header_from,
        message.c.reverse_path,
    )
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(among(recipient.c.id, "ids"))
)
# Served by open_recipient.
_LAST_VIEWS = (
    select(open_.c.recipient_id, open_.c.verdict, func.max(open_.c.at).label("at"))
    .where(among(open_.c.recipient_id, "ids"))
    .group_by(open_.c.recipient_id, open_.c.verdict)
)
_WRITE = (
    update(recipient)
    .where(recipient.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}", type_=recipient.c[name].type) for name in _CHANGEABLE})
)
_INSERT = insert(open_)
_MESSAGES = select(message.c.id).where(among(message.c.id, "ids")).order_by(message.c.id).with_for_update()
_COUNT = (
    update(message)
    .where(message.c.id == bindparam("b_id"))
    .values(
        counted_opens=message.c.counted_opens + bindparam("b_opens"),
        counted_machine_opens=message.c.counted_machine_opens + bindparam("b_machine_opens"),
    )
)
_FORGET_OPT_OUT = delete(opt_out).where(opt_out.c.address_key == bindparam("b_key"))
_OPT_OUT = insert(opt_out)


@dataclass(frozen=True, slots=True)
class _Wish:
    opens: Sequence[tuple[int, Open]]  # each with an id of ours
    window: float


@dataclass(frozen=True, slots=True)
class _OptWish:
    key: str
    out: bool
    at: float


def _record(transaction: Transaction, wishes: Sequence[_Wish]) -> list[int]:
    connection = transaction.connection
    ids = sorted({it.recipient_id for wish in wishes for _, it in wish.opens})
    read = {row.id: dict(row._mapping) for row in connection.execute(_READ, {"ids": ids})}  # noqa: SLF001 - public name
    rows = {id_: row for id_, row in read.items() if row["opted_out"] is None and row["tracking"] != TrackingMode.OFF}
    # Copies that left before tokens of messages existed hold their recipient's, in mode count too.
    together = {id_: row["message_id"] for id_, row in rows.items() if row["tracking"] == TrackingMode.COUNT}
    unknown = [id_ for id_ in ids if id_ not in read] + sorted(set(together.values()))
    messages = set(connection.execute(_MESSAGES, {"ids": unknown}).scalars()) if unknown else set()
    counted: dict[int, Counter[bool]] = {id_: Counter() for id_ in messages}
    last = {(row.recipient_id, row.verdict): row.at for row in connection.execute(_LAST_VIEWS, {"ids": ids})}
    kept: list[dict[str, Any]] = []
    views: set[int] = set()
    counts: list[int] = []
    for wish in wishes:
        count = 0
        for id_, it in sorted(wish.opens, key=lambda pair: pair[1].at):
            message_id = together.get(it.recipient_id, it.recipient_id)
            if message_id in messages:
                if it.verdict.by_person or it.verdict in _BY_MACHINE:
                    counted[message_id][it.verdict.by_person] += 1
                count += 1
                continue
            seen = last.get((it.recipient_id, it.verdict.value))
            if it.recipient_id not in rows or (seen is not None and abs(it.at - seen) < wish.window):
                continue
            last[it.recipient_id, it.verdict.value] = max(it.at, seen or it.at)
            kept += _view(transaction, rows[it.recipient_id], id_, it)
            views.add(it.recipient_id)
            count += 1
        counts.append(count)
    if views:
        connection.execute(
            _WRITE, [{"b_id": id_} | {f"b_{name}": rows[id_][name] for name in _CHANGEABLE} for id_ in sorted(views)]
        )
    if kept:
        connection.execute(_INSERT, kept)
    more = [
        {"b_id": id_, "b_opens": numbers[True], "b_machine_opens": numbers[False]}
        for id_, numbers in sorted(counted.items())
        if numbers
    ]
    if more:
        connection.execute(_COUNT, more)
    return counts


def _view(transaction: Transaction, row: dict[str, Any], id_: int, it: Open) -> list[dict[str, Any]]:
    """Count one view in the row of its recipient, write its event, and give the row to keep, if any."""
    note = _contradiction(row) if it.verdict.by_person else ""
    if it.verdict.by_person:
        row["opens"] += 1
        row["opened_at"] = it.at if row["opened_at"] is None else min(it.at, row["opened_at"])
        row["last_opened_at"] = max(it.at, row["last_opened_at"] or it.at)
    elif it.verdict in _BY_MACHINE:
        row["machine_opens"] += 1
    if it.verdict.by_person and (row["status"] in _OPENABLE or note == AFTER_GIVING_UP):
        row["status"] = RecipientStatus.OPENED.value
    transaction.events.append(
        Opened(
            message_id=row["message_id"],
            recipient_id=row["id"],
            at=it.at,
            verdict=it.verdict,
            rule=it.rule,
            note=note,
        )
    )
    if row["tracking"] != TrackingMode.FULL:
        it = replace(it, address="", agent="")
    return [
        {
            "id": id_,
            "recipient_id": it.recipient_id,
            "at": it.at,
            "verdict": it.verdict.value,
            "rule": it.rule,
            "address": it.address,
            "agent": it.agent,
        }
    ]


def _facts(row: Any) -> OpenFacts:
    senders = {address_key(sender) for sender in (row.header_from, row.reverse_path) if sender}
    return OpenFacts(
        message_id=row.message_id,
        settled=row.state == State.SETTLED,
        in_doubt=bool(row.in_doubt),
        delivered_at=row.delivered_at,
        settled_at=row.settled_at,
        sender_is_recipient=row.address_key in senders,
    )


def _contradiction(row: dict[str, Any]) -> str:
    """Say what a person's open contradicts; "" where it is what one expects."""
    match row["status"]:
        case RecipientStatus.BOUNCED:
            return AFTER_BOUNCE
        case RecipientStatus.NOT_DELIVERED if row["reason"] != Reason.SUPPRESSED:  # suppressed: no copy ever left
            return AFTER_GIVING_UP
        case RecipientStatus.SENDING if row["in_doubt"] and row["delivered_at"] is None:
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
        if not opens:
            return 0
        await self._nodes.join()
        ids = self._nodes.ids
        wish = _Wish([(ids.next(), it) for it in opens], view_window)
        return await self._writer.submit(_RECORDS, wish, weight=3 * len(opens))

    async def facts(self, recipient_ids: Collection[int]) -> dict[int, OpenFacts]:
        """Give what is known of these recipients, by their ids; those that are not known (any more) are left out."""

        def read(connection: Connection) -> dict[int, OpenFacts]:
            return {row.id: _facts(row) for row in connection.execute(_FACTS, {"ids": list(recipient_ids)})}

        return await self._reader.run(read)

    async def opt_out(self, address: str) -> bool:
        """Note no opens of this address any more, of mails already sent neither. Whether that was so before."""
        return await self._writer.submit(_OPTS, _OptWish(address_key(address), out=True, at=self._clock()))

    async def opt_in(self, address: str) -> bool:
        """Take an opt-out back. False: there was none."""
        return await self._writer.submit(_OPTS, _OptWish(address_key(address), out=False, at=self._clock()))
