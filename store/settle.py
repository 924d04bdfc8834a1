"""
Settlements: facts are read, a pure decision is asked, and what it says is written, in one transaction (promise 2).

Many settlements share a transaction and its statements. Several of one recipient are decided one after the other, each
on what the one before left.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from sqlalchemy import Text, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.changes import AddressHistory, Change, NewSuppression, RecipientFacts
from store.claims import AT_ONCE
from store.dots import Dots
from store.events import Cancelled, Deferred, Event
from store.history import histories
from store.many import ManyRows
from store.nouns import Reason, RecipientStatus, State
from store.plain import dataclass
from store.prepared import Prepared
from store.reasons import REASONS
from store.schema import message, recipient, report, suppression
from store.sql import CLAIMED, among
from store.writer import Transaction

REPORT_KIND = "bounce"  # the kind of report that counts as a failure report

_CHANGEABLE = (
    "state", "next_attempt_at", "claimed_by", "attempts", "crashes", "dot_sent_at", "in_doubt", "status", "reason",
    "rule", "permanent", "mistyped", "last_reply", "remote_host", "remote_address", "tls", "settled_at", "delivered_at",
    "bounced_at",
)  # fmt: skip
_READ = (
    select(
        recipient.c.id,
        recipient.c.message_id,
        recipient.c.forward_path,
        recipient.c.address_key,
        recipient.c.accepted_at,
        recipient.c.opened_at,
        message.c.expires_at,
        *(recipient.c[name] for name in _CHANGEABLE),
    )
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .where(among(recipient.c.id, "ids"))
    .order_by(recipient.c.id)  # every node locks in the same order
    .with_for_update(of=recipient)
)
# Served by report_recipient.
_REPORTS = (
    select(report.c.recipient_id, func.count().label("reports"))
    .where(among(report.c.recipient_id, "ids"), report.c.kind == REPORT_KIND)
    .group_by(report.c.recipient_id)
)
_WRITE = (
    update(recipient)
    .where(recipient.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}", type_=recipient.c[name].type) for name in _CHANGEABLE})
)
# Only what a delivery proves wrong; what a person put there stays.
_LIFTED = and_(
    suppression.c.caused_by.is_not(None),
    or_(*(suppression.c.reason == reason.value for reason, rule in REASONS.items() if rule.lifted_by_delivery)),
)
_LIFT = delete(suppression).where(among(suppression.c.address_key, "addresses", Text), _LIFTED)

# Which of our claims are as their acceptance left them: the facts that a settlement could foresee.
_UNTOUCHED = Prepared(
    select(recipient.c.id)
    .where(
        among(recipient.c.id, "ids"),
        recipient.c.state == CLAIMED,
        recipient.c.claimed_by == bindparam("life"),
        recipient.c.status == RecipientStatus.SENDING.value,
        recipient.c.attempts == 0,
        recipient.c.in_doubt.is_(False),
        recipient.c.delivered_at.is_(None),
        recipient.c.bounced_at.is_(None),
        recipient.c.opened_at.is_(None),
    )
    .order_by(recipient.c.id)  # as in _READ
    .with_for_update(),
    "ids",
    "life",
)
_WRITE_FORESEEN = ManyRows(
    recipient, "status", "reason", "rule", "last_reply", "remote_host", "remote_address", "tls", "delivered_at",
    "settled_at", "state", "claimed_by", "dot_sent_at", "crashes", "attempts", key="id",
)  # fmt: skip
_SETTLED_FIRST = (State.SETTLED.value, None, None, 0, 1)  # state up to attempts
_LIFT_FORESEEN = Prepared(
    delete(suppression).where(
        suppression.c.address_key.in_(select(recipient.c.address_key).where(among(recipient.c.id, "ids"))), _LIFTED
    ),
    "ids",
)


def _suppress(insert: Any) -> Any:
    """
    Keep the first cause of a suppression, unless the old one is over or the new one says more.

    A complaint says more than any failure: no delivery lifts it. What lasts longer says more than what ends sooner.
    What a person put there for good stays, and so does a complaint.
    """
    statement = insert(suppression)
    new, old = statement.excluded, suppression.c
    complaint = Reason.COMPLAINT.value
    over = and_(old.expires_at.is_not(None), old.expires_at <= new.at)
    lasts_longer = and_(
        old.reason != complaint,
        old.expires_at.is_not(None),
        or_(new.expires_at.is_(None), new.expires_at > old.expires_at),
    )
    outranked = and_(new.reason == complaint, old.reason != complaint, old.caused_by.is_not(None))
    return statement.on_conflict_do_update(
        index_elements=[suppression.c.address_key],
        set_={name: new[name] for name in ("address", "reason", "caused_by", "at", "expires_at", "note")},
        where=or_(over, lasts_longer, outranked),
    )


_SUPPRESS = {"sqlite": _suppress(sqlite.insert), "postgresql": _suppress(postgresql.insert)}


@dataclass(frozen=True, slots=True)
class SettleWish:
    """Something became known about a recipient."""

    recipient_id: int
    decide: Callable[[RecipientFacts], Change | None]
    with_history: bool
    now: float
    life: int
    # What was decided of a first attempt that delivered, on the facts as acceptance left them. Where these still stand
    # it is written without reading more; else ``decide`` is asked.
    foreseen: Change | None = None


class Word(StrEnum):
    """What a person says about recipients that are not settled."""

    CANCEL = "cancel"  # for good: not delivered
    HOLD = "hold"  # until released
    RELEASE = "release"  # what is held is due now
    RETRY = "retry"  # what waits for its next attempt is due now, before all others


@dataclass(frozen=True, slots=True)
class WordWish:
    """A person's word about some recipients."""

    recipient_ids: Sequence[int]
    word: Word
    note: str
    now: float
    life: int


@dataclass(slots=True)
class _Work:
    """What a batch of settlements has read and decided."""

    rows: dict[int, dict[str, Any]]
    changed: set[int] = field(default_factory=set)
    # address_key -> what becomes of its suppression; the last word counts
    suppressions: dict[str, NewSuppression | None] = field(default_factory=dict)


def settle(transaction: Transaction, wishes: Sequence[SettleWish]) -> list[Change | Exception | None]:
    """Decide and write. A decision that raises fails alone; an unknown recipient gives None."""
    stand = _foreseen(transaction, wishes)
    rest = [wish for wish in wishes if wish.recipient_id not in stand] if stand else wishes
    decided = iter(_decided(transaction, rest) if rest else ())
    return [wish.foreseen if wish.recipient_id in stand else next(decided) for wish in wishes]


def _foreseen(transaction: Transaction, wishes: Sequence[SettleWish]) -> set[int]:
    """Write what was foreseen, and give the recipients that this was right for; no other wish is about these."""
    told: dict[int, SettleWish] = {}
    twice: set[int] = set()
    for wish in wishes:
        if wish.recipient_id in told or wish.foreseen is None:
            twice.add(wish.recipient_id)
        told[wish.recipient_id] = wish
    ids = sorted(told.keys() - twice)
    if not ids:
        return set()
    stand = [id_ for (id_,) in _UNTOUCHED.rows(transaction.connection, ids, wishes[0].life)]
    rows = []
    for id_ in stand:
        wish = told[id_]
        change = wish.foreseen
        assert change is not None
        transaction.events += change.events
        rows.append(
            (
                change.status.value if change.status else None,
                change.reason.value if change.reason else None,
                change.rule,
                change.last_reply,
                change.remote_host,
                change.remote_address,
                change.tls,
                change.delivered_at,
                wish.now,
                *_SETTLED_FIRST,
                id_,
            )
        )
    _WRITE_FORESEEN.execute(transaction.connection, rows)
    if stand:
        _LIFT_FORESEEN.run(transaction.connection, stand)
    return set(stand)


def _decided(transaction: Transaction, wishes: Sequence[SettleWish]) -> list[Change | Exception | None]:
    """Read the facts, ask, and write."""
    connection = transaction.connection
    ids = sorted({wish.recipient_id for wish in wishes})
    work = _Work({row.id: dict(row._mapping) for row in connection.execute(_READ, {"ids": ids})})  # noqa: SLF001 - the public name of a row as a mapping
    asked = [id_ for id_ in sorted({wish.recipient_id for wish in wishes if wish.with_history}) if id_ in work.rows]
    past = histories(connection, asked) if asked else {}
    reports = {row.recipient_id: row.reports for row in connection.execute(_REPORTS, {"ids": asked})} if asked else {}
    results: list[Change | Exception | None] = []
    for wish in wishes:
        row = work.rows.get(wish.recipient_id)
        if row is None:
            results.append(None)
            continue
        facts = _facts(row, past.get(wish.recipient_id) or AddressHistory(), reports.get(wish.recipient_id, 0))
        try:
            change = wish.decide(facts)
        except Exception as error:  # noqa: BLE001 - it goes to the caller, and to nobody else
            results.append(error)
            continue
        if change is not None:
            _apply(transaction, work, row, change, wish)
        results.append(change)
    _write(transaction, work)
    return results


def _facts(row: dict[str, Any], history: AddressHistory, reports: int) -> RecipientFacts:
    return RecipientFacts(
        recipient_id=row["id"],
        message_id=row["message_id"],
        forward_path=row["forward_path"],
        address_key=row["address_key"],
        status=RecipientStatus(row["status"]),
        state=State(row["state"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
        attempts=row["attempts"],
        accepted_at=row["accepted_at"],
        expires_at=row["expires_at"],
        delivered_at=row["delivered_at"],
        opened_at=row["opened_at"],
        bounced_at=row["bounced_at"],
        reports=reports,
        in_doubt=row["in_doubt"],
        history=history,
    )


def _apply(transaction: Transaction, work: _Work, row: dict[str, Any], change: Change, wish: SettleWish) -> None:
    """Change the row in memory, and note events and suppression."""
    for name in ("status", "reason"):
        if (word := getattr(change, name)) is not None:
            row[name] = word.value
    for name in ("permanent", "delivered_at", "bounced_at", "mistyped", "in_doubt"):
        if (value := getattr(change, name)) is not None:
            row[name] = value
    for name in ("rule", "last_reply", "remote_host", "remote_address", "tls"):
        row[name] = getattr(change, name) or row[name]
    row["attempts"] += change.count_attempt
    if change.state is not None and _may_move(row, change.state, wish.life):
        _move(row, change.state, change.next_attempt_at, wish.now)
    work.changed.add(row["id"])
    transaction.events += change.events
    if change.suppress is not None:
        work.suppressions[change.suppress.address_key] = change.suppress
    elif change.lift:
        work.suppressions[row["address_key"]] = None


def _may_move(row: dict[str, Any], state: State, life: int) -> bool:
    """
    Whether this outcome may still put the recipient there.

    A late "not now" must not bring back what was settled or held meanwhile, nor take away what another node claimed.
    """
    if state is State.SETTLED:
        return True
    if row["state"] in (State.SETTLED.value, State.HELD.value):
        return False
    return row["claimed_by"] in (None, life)


def _move(row: dict[str, Any], state: State, next_attempt_at: float | None, now: float) -> None:
    """Put a recipient into a state; its claim ends."""
    row["state"] = state.value
    row["claimed_by"] = None
    row["dot_sent_at"] = None
    row["crashes"] = 0
    row["next_attempt_at"] = (now if next_attempt_at is None else next_attempt_at) if state is State.DUE else None
    if state is State.SETTLED:
        row["settled_at"] = row["settled_at"] or now


def _write(transaction: Transaction, work: _Work) -> None:
    connection = transaction.connection
    if work.changed:
        rows = [work.rows[id_] for id_ in sorted(work.changed)]
        connection.execute(
            _WRITE, [{"b_id": row["id"]} | {f"b_{name}": row[name] for name in _CHANGEABLE} for row in rows]
        )
    lifted = [key for key, new in work.suppressions.items() if new is None]
    if lifted:
        connection.execute(_LIFT, {"addresses": lifted})
    added = [new for _, new in sorted(work.suppressions.items()) if new is not None]
    if added:
        connection.execute(_SUPPRESS[transaction.dialect], [_suppression_row(new) for new in added])


def _suppression_row(new: NewSuppression) -> dict[str, Any]:
    return {
        "address_key": new.address_key,
        "address": new.address,
        "reason": new.reason.value,
        "caused_by": new.caused_by,
        "at": new.at,
        "expires_at": new.expires_at,
        "note": "",
    }


def move(dots: Dots, transaction: Transaction, wishes: Sequence[WordWish]) -> list[int]:
    """Carry out a person's word: how many recipients it moved. What it does not fit stays as it is."""
    dots.announce()  # first: a dot that is marked behind this asks the store, and finds the word
    for wish in wishes:
        dots.write(transaction.connection, frozenset(wish.recipient_ids))
    return [_move_all(transaction, wish) for wish in wishes]


# word -> the states it fits, the state that follows
_MOVES = {
    Word.CANCEL: ((State.DUE.value, State.CLAIMED.value, State.HELD.value), State.SETTLED),
    Word.HOLD: ((State.DUE.value, State.CLAIMED.value), State.HELD),
    Word.RELEASE: ((State.HELD.value,), State.DUE),
    Word.RETRY: ((State.DUE.value,), State.DUE),
}


def _move_all(transaction: Transaction, wish: WordWish) -> int:
    fits, to = _MOVES[wish.word]
    read = transaction.connection.execute(_READ, {"ids": sorted(wish.recipient_ids)})
    work = _Work({row.id: dict(row._mapping) for row in read if row.state in fits})  # noqa: SLF001 - as above
    for row in work.rows.values():
        if row["dot_sent_at"] is not None:
            row["in_doubt"] = True  # the other side may have it: the word came too late to know
        if wish.word is Word.CANCEL:
            row |= {"status": RecipientStatus.NOT_DELIVERED.value, "reason": None, "permanent": True}
        _move(row, to, AT_ONCE, wish.now)
        transaction.events.append(_word(row, wish))
    work.changed.update(work.rows)
    _write(transaction, work)
    return len(work.rows)


def _word(row: dict[str, Any], wish: WordWish) -> Event:
    about = {"message_id": row["message_id"], "recipient_id": row["id"], "at": wish.now}
    match wish.word:
        case Word.CANCEL:
            return Cancelled(**about, note=wish.note)
        case Word.HOLD:
            return Deferred(**about, note=wish.note or "held by an operator")
        case Word.RELEASE:
            return Deferred(**about, note=wish.note or "released by an operator", next_attempt_at=wish.now)
        case Word.RETRY:
            return Deferred(**about, note=wish.note or "an operator asked to try now", next_attempt_at=wish.now)
