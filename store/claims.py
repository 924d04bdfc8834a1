"""
Claims: how a recipient becomes ours to work on, and how it is let go without an outcome.

A claim names the life of a process (``store/nodes.py``), not a time: it ends when that process lets go, or when the
others find that it is no more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Text, bindparam, case, func, literal_column, not_, select, update
from sqlalchemy.sql import ColumnElement

from store.dots import Dots
from store.due import JOBS, Wanted, find
from store.errors import ClaimLost
from store.events import Deferred
from store.nouns import ContentRef, Job, TrackingMode
from store.schema import recipient
from store.sql import CLAIMED, DUE, HELD, among
from store.writer import Transaction

IN_DOUBT_WAIT = 600.0  # seconds from the final dot until we try again what the other side may have taken
# A process dies with thousands in its hands, and one of them at most is to blame: so they come back a few at a time.
SHAKEN_CRASHES = 1  # so many processes died with it: from now on it goes with few of its like,
SHAKEN_AT_ONCE = 50  # this many; at the next crash only these become suspects
SUSPECT_CRASHES = 2  # so many: it goes alone
AT_ONCE = 0.0  # the next_attempt_at of what a person wants tried now: before all others, and at a host that was down
HELD_CRASHES = 3  # so many: it is held

_SUSPECT: ColumnElement[int] = literal_column(str(SUSPECT_CRASHES))  # a literal, so that recipient_suspect serves
# One of those that processes died with. Served by recipient_suspect.
_SUSPECT_DUE = (
    JOBS.where(
        recipient.c.state == DUE,
        recipient.c.next_attempt_at <= bindparam("now"),
        recipient.c.crashes >= _SUSPECT,
        not_(among(recipient.c.domain, "excluded", Text)),
    )
    .order_by(recipient.c.next_attempt_at)
    .limit(1)
    .with_for_update(of=recipient, skip_locked=True)
)
# Served by recipient_claimed.
_SUSPECT_CLAIMED = select(recipient.c.id).where(
    recipient.c.state == CLAIMED, recipient.c.claimed_by == bindparam("life"), recipient.c.crashes >= _SUSPECT
)
# Served by recipient_claimed.
_SHAKEN_CLAIMED = select(func.count()).where(
    recipient.c.state == CLAIMED, recipient.c.claimed_by == bindparam("life"), recipient.c.crashes == SHAKEN_CRASHES
)
_CLAIM = (
    update(recipient)
    .where(among(recipient.c.id, "ids"))
    .values(state=CLAIMED, claimed_by=bindparam("life"), next_attempt_at=None)
)
_MARK_DOT = (
    update(recipient)
    .where(
        among(recipient.c.id, "ids"),
        recipient.c.state == CLAIMED,
        recipient.c.claimed_by == bindparam("life"),
    )
    .values(dot_sent_at=bindparam("at"))
    .returning(recipient.c.id)
)


def _freed(at: ColumnElement[float]) -> dict[Any, Any]:
    """What a claimed recipient becomes when it is due again: later, and in doubt, when its final dot was sent."""
    doubt_ends = recipient.c.dot_sent_at + IN_DOUBT_WAIT
    return {
        "state": DUE,
        "claimed_by": None,
        "next_attempt_at": case((doubt_ends > at, doubt_ends), else_=at),
        "in_doubt": case((recipient.c.dot_sent_at.is_not(None), True), else_=recipient.c.in_doubt),
        "dot_sent_at": None,
    }


_GIVE_BACK = (
    update(recipient)
    .where(
        recipient.c.id == bindparam("b_id"),
        recipient.c.state == CLAIMED,
        recipient.c.claimed_by == bindparam("life"),
    )
    .values(**_freed(bindparam("at", type_=recipient.c.next_attempt_at.type)))
)
# Served by recipient_claimed.
_GIVE_ALL_BACK = (
    update(recipient)
    .where(recipient.c.state == CLAIMED, recipient.c.claimed_by == bindparam("life"))
    .values(**_freed(bindparam("at", type_=recipient.c.next_attempt_at.type)))
)
_HELD_BY_OTHERS = (
    select(recipient.c.id, recipient.c.message_id, recipient.c.crashes)
    .where(recipient.c.state == CLAIMED, recipient.c.claimed_by != bindparam("life"))
    .with_for_update()
)
_HELD_BY = (
    select(recipient.c.id, recipient.c.message_id, recipient.c.crashes)
    .where(recipient.c.state == CLAIMED, among(recipient.c.claimed_by, "lives"))
    .with_for_update()
)
_RELEASE = (
    update(recipient)
    .where(among(recipient.c.id, "ids"))
    .values(crashes=recipient.c.crashes + 1, **_freed(bindparam("at", type_=recipient.c.next_attempt_at.type)))
)
_HOLD_POISON = (
    update(recipient)
    .where(among(recipient.c.id, "ids"))
    .values(
        state=HELD,
        claimed_by=None,
        next_attempt_at=None,
        crashes=recipient.c.crashes + 1,
        in_doubt=case((recipient.c.dot_sent_at.is_not(None), True), else_=recipient.c.in_doubt),
        dot_sent_at=None,
    )
)
# A due-time beyond anything a schedule gives comes from a clock that was wrong. Served by recipient_due.
_CLAMP = (
    update(recipient)
    .where(recipient.c.state == DUE, recipient.c.next_attempt_at > bindparam("latest"))
    .values(next_attempt_at=bindparam("latest"))
)


@dataclass(frozen=True, slots=True)
class ClaimWish:
    """Up to ``limit`` due recipients."""

    limit: int
    exclude_domains: Collection[str]
    now: float
    life: int
    heard: int  # see store/dots.py


@dataclass(frozen=True, slots=True)
class DotWish:
    """The final dot of a recipient is about to be sent."""

    recipient_id: int
    now: float
    life: int


@dataclass(frozen=True, slots=True)
class GiveBackWish:
    """Claimed recipients that become due again; ``recipient_ids`` None: all of this life."""

    recipient_ids: Sequence[int] | None
    at: float
    life: int


@dataclass(frozen=True, slots=True)
class ReleaseWish:
    """Claims of lives that are no more; ``lives`` None: of all lives but ours (SQLite: there is only one process)."""

    lives: Sequence[int] | None
    now: float
    life: int


def claim(transaction: Transaction, wishes: Sequence[ClaimWish]) -> list[list[Job]]:
    """Claim due recipients. Two wishes at once never get the same one."""
    return [_claim(transaction.connection, wish) for wish in wishes]


def _claim(connection: Connection, wish: ClaimWish) -> list[Job]:
    given = {"now": wish.now, "excluded": wish.exclude_domains}
    suspect = connection.execute(_SUSPECT_DUE, given).first()
    if suspect is not None and connection.execute(_SUSPECT_CLAIMED, {"life": wish.life}).first() is not None:
        suspect = None  # it goes alone among its like: when this process dies too, it is known which one did it
    rows = _due(connection, wish, wish.limit - (suspect is not None))
    if suspect is not None:
        rows.append(suspect)
    if rows:
        connection.execute(_CLAIM, {"ids": [row.id for row in rows], "life": wish.life})
    return [_job(row, wish.heard) for row in rows]


def _due(connection: Connection, wish: ClaimWish, limit: int) -> list[Any]:
    """Find what is due, with no more of the shaken than may be at work at once."""
    wanted = Wanted(limit, wish.exclude_domains, wish.now, SUSPECT_CRASHES)
    rows = find(connection, wanted)
    shaken = [row for row in rows if row.crashes >= SHAKEN_CRASHES]
    if not shaken:
        return rows
    room = max(0, SHAKEN_AT_ONCE - connection.execute(_SHAKEN_CLAIMED, {"life": wish.life}).scalar_one())
    if not room:  # and so what waits behind them must not wait for them
        return find(connection, replace(wanted, crashes=SHAKEN_CRASHES))
    waits = {row.id for row in shaken[room:]}
    return [row for row in rows if row.id not in waits]


def mark_dot(transaction: Transaction, wishes: Sequence[DotWish]) -> list[Exception | None]:
    """Note that the final dot is about to be sent. ClaimLost where the recipient is not ours any more."""
    ids = [wish.recipient_id for wish in wishes]
    at = max(wish.now for wish in wishes)
    ours = set(transaction.connection.execute(_MARK_DOT, {"ids": ids, "at": at, "life": wishes[0].life}).scalars())
    return [None if id_ in ours else ClaimLost(f"recipient {id_} is no longer ours") for id_ in ids]


def give_back(dots: Dots, transaction: Transaction, wishes: Sequence[GiveBackWish]) -> list[None]:
    """Let claims go. What is not ours any more stays as it is."""
    all_of_them = any(wish.recipient_ids is None for wish in wishes)
    ids = None if all_of_them else {id_ for wish in wishes for id_ in wish.recipient_ids or ()}
    dots.write(transaction.connection, ids)
    rows = [
        {"b_id": id_, "life": wish.life, "at": wish.at} for wish in wishes for id_ in sorted(wish.recipient_ids or ())
    ]
    if rows:
        transaction.connection.execute(_GIVE_BACK, rows)
    for wish in wishes:
        if wish.recipient_ids is None:
            transaction.connection.execute(_GIVE_ALL_BACK, {"life": wish.life, "at": wish.at})
    return [None] * len(wishes)


def release(dots: Dots, transaction: Transaction, wishes: Sequence[ReleaseWish]) -> list[int]:
    """Take over what processes held that are no more; what several died with is held."""
    for wish in wishes:
        dots.write_those_of_others(transaction.connection, wish.life, wish.now)
    return [_release(transaction, wish) for wish in wishes]


def _release(transaction: Transaction, wish: ReleaseWish) -> int:
    connection = transaction.connection
    if wish.lives is None:
        rows = connection.execute(_HELD_BY_OTHERS, {"life": wish.life}).all()
    else:
        rows = connection.execute(_HELD_BY, {"lives": wish.lives}).all()
    poison = [row for row in rows if row.crashes + 1 >= HELD_CRASHES]
    harmless = [row.id for row in rows if row.crashes + 1 < HELD_CRASHES]
    if harmless:
        connection.execute(_RELEASE, {"ids": harmless, "at": wish.now})
    if poison:
        connection.execute(_HOLD_POISON, {"ids": [row.id for row in poison]})
        transaction.events += [
            Deferred(
                message_id=row.message_id,
                recipient_id=row.id,
                at=wish.now,
                note=f"held: {row.crashes + 1} times the process died while it worked on this recipient",
            )
            for row in poison
        ]
    return len(rows)


def clamp(transaction: Transaction, wishes: Sequence[float]) -> list[int]:
    """Bring due-times forward that lie beyond ``latest``, and say how many."""
    return [transaction.connection.execute(_CLAMP, {"latest": latest}).rowcount for latest in wishes]


def _job(row: Any, heard: int) -> Job:
    return Job(
        recipient_id=row.id,
        message_id=row.message_id,
        forward_path=row.forward_path,
        domain=row.domain,
        reverse_path=row.reverse_path,
        tracking=TrackingMode(row.tracking),
        no_pixel_why=row.no_pixel_why,
        prepended=bytes(row.prepended),
        content=ContentRef(row.message_id, row.content_segment, row.content_offset, row.content_length),
        smtputf8=row.smtputf8,
        accepted_at=row.accepted_at,
        expires_at=row.expires_at,
        attempts=row.attempts,
        in_doubt=row.in_doubt,
        size=row.size,
        eight_bit=row.eight_bit,
        header_from=row.header_from,
        envelope_id=row.envelope_id,
        ret=row.ret,
        notify=row.notify,
        original_recipient=row.original_recipient,
        asked=row.next_attempt_at == AT_ONCE,
        heard=heard,
    )
