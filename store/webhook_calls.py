"""
The calls of webhooks: made from the journal exactly once, claimed by one process at a time, kept for a while.

Each endpoint follows the journal by a position of its own. ``add`` moves it on and writes the calls in one transaction,
and only from where the caller thought it was: of two nodes that read the same events one writes the calls. A claim puts
a call's next attempt a lease off; what died with its process comes up again (at least once).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, insert, literal_column, select, update

from store.audit import Note, submit
from store.engine import Reader
from store.ids import Ids, first_at
from store.nodes import Nodes
from store.sql import among
from store.webhook_nouns import Call, CallAttempt, CallResult, CallState, NewCall
from store.webhook_schema import webhook, webhook_attempt, webhook_call
from store.writer import Kind, Transaction, Writer

ANSWER_KEPT = 500  # characters of an answer

_DUE = literal_column("'due'", Text)  # a literal, so that the partial index serves
_MOVE_ON = (
    update(webhook)
    .where(webhook.c.id == bindparam("b_id"), webhook.c.position == bindparam("seen"), webhook.c.enabled)
    .values(position=bindparam("new"))
)
_ADD = insert(webhook_call)
_CHOOSE = (
    select(webhook_call.c.id)
    .where(
        webhook_call.c.webhook_id == bindparam("b_webhook"),
        webhook_call.c.state == _DUE,
        webhook_call.c.next_attempt_at <= bindparam("now"),
    )
    .order_by(webhook_call.c.next_attempt_at, webhook_call.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(webhook_call)
    .where(webhook_call.c.id.in_(_CHOOSE))
    .values(next_attempt_at=bindparam("until"), attempts=webhook_call.c.attempts + 1)
    .returning(webhook_call)
)
# What was delivered stays so, whatever a second attempt says that began when the first one's lease was over.
_SETTLE = update(webhook_call).where(webhook_call.c.id == bindparam("b_call"), webhook_call.c.state == _DUE)
_NOTE_ATTEMPT = insert(webhook_attempt)
_WELL = update(webhook).where(webhook.c.id == bindparam("b_id")).values(failing_since=None)
_ILL = (
    update(webhook)
    .where(webhook.c.id == bindparam("b_id"), webhook.c.failing_since.is_(None))
    .values(failing_since=bindparam("at"))
)
_SWITCH_OFF = (
    update(webhook)
    .where(webhook.c.id == bindparam("b_id"), webhook.c.enabled)
    .values(enabled=False, off_at=bindparam("at"), off_why=bindparam("why"))
)
_SWITCH_OFF_DEAD = _SWITCH_OFF.where(webhook.c.failing_since <= bindparam("dead_before"))
_WAITING = select(func.count()).where(webhook_call.c.webhook_id == bindparam("id"), webhook_call.c.state == _DUE)
_NEXT_DUE = select(func.min(webhook_call.c.next_attempt_at)).where(
    webhook_call.c.webhook_id == bindparam("id"), webhook_call.c.state == _DUE
)
_WAITING_OF_EACH = (
    select(
        webhook_call.c.webhook_id, func.count().label("waiting"), func.min(webhook_call.c.first_event_at).label("at")
    )
    .where(webhook_call.c.state == _DUE)
    .group_by(webhook_call.c.webhook_id)
)
_HISTORY = (
    select(webhook_call)
    .where(webhook_call.c.webhook_id == bindparam("id"), webhook_call.c.id < bindparam("before"))
    .order_by(webhook_call.c.id.desc())
    .limit(bindparam("limit"))
)
_GET = select(webhook_call).where(webhook_call.c.id == bindparam("id"))
_ATTEMPTS = select(webhook_attempt).where(webhook_attempt.c.call_id == bindparam("id")).order_by(webhook_attempt.c.id)
_AGAIN = {"state": CallState.DUE.value, "next_attempt_at": bindparam("now"), "attempts": 0}
_RESEND = (
    update(webhook_call)
    .where(
        webhook_call.c.id == bindparam("b_id"),
        webhook_call.c.webhook_id == bindparam("b_webhook"),
        webhook_call.c.state != _DUE,
    )
    .values(_AGAIN)
)
_ENDED = (
    select(webhook_call.c.id)
    .where(
        webhook_call.c.webhook_id == bindparam("webhook_id"),
        webhook_call.c.id > bindparam("after"),
        among(webhook_call.c.state, "states", Text),
    )
    .order_by(webhook_call.c.id)
    .limit(bindparam("limit"))
)
_RESEND_THESE = update(webhook_call).where(among(webhook_call.c.id, "ids"), webhook_call.c.state != _DUE).values(_AGAIN)
_CHUNK = 500  # calls of one transaction: mail that waits behind it waits for milliseconds
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Adding:
    webhook_id: int
    seen: int
    new: int
    calls: Sequence[NewCall]
    ids: Sequence[int]
    now: float


@dataclass(frozen=True, slots=True)
class _Claiming:
    webhook_id: int
    limit: int
    now: float
    until: float


def _add(transaction: Transaction, wishes: Sequence[_Adding]) -> list[bool]:
    added = []
    for wish in wishes:
        given = {"b_id": wish.webhook_id, "seen": wish.seen, "new": wish.new}
        moved = transaction.connection.execute(_MOVE_ON, given).rowcount > 0
        if moved and wish.calls:
            rows = [_row(wish, call, id) for call, id in zip(wish.calls, wish.ids, strict=True)]  # noqa: A001
            transaction.connection.execute(_ADD, rows)
        added.append(moved)
    return added


def _row(wish: _Adding, call: NewCall, id: int) -> dict[str, Any]:  # noqa: A002 - the word of the domain
    return {
        "id": id,
        "webhook_id": wish.webhook_id,
        "name": call.name,
        "body": call.body,
        "recipients": json.dumps(call.recipients),
        "events": call.events,
        "first_event_at": call.first_event_at,
        "state": CallState.DUE.value,
        "next_attempt_at": wish.now,
    }


def _claim(transaction: Transaction, wishes: Sequence[_Claiming]) -> list[list[Call]]:
    claimed = []
    for wish in wishes:
        given = {"b_webhook": wish.webhook_id, "limit": wish.limit, "now": wish.now, "until": wish.until}
        calls = [_call(row) for row in transaction.connection.execute(_CLAIM, given)]
        claimed.append(sorted(calls, key=lambda call: call.id))
    return claimed


def _settle(transaction: Transaction, wishes: Sequence[tuple[int, CallResult]]) -> list[bool]:
    connection = transaction.connection
    connection.execute(
        _SETTLE,
        [
            {
                "b_call": it.call_id,
                "state": it.state.value,
                "next_attempt_at": it.next_attempt_at,
                "last_status": it.status,
                "last_error": it.error,
            }
            for _, it in wishes
        ],
    )
    connection.execute(
        _NOTE_ATTEMPT,
        [
            {
                "id": id,
                "call_id": it.call_id,
                "at": it.at,
                "seconds": it.seconds,
                "status": it.status,
                "error": it.error,
                "answer": it.answer[:ANSWER_KEPT],
            }
            for id, it in wishes  # noqa: A001
        ],
    )
    return [_note_health(connection, it) for _, it in wishes]


def _note_health(connection: Connection, it: CallResult) -> bool:
    """Note whether the endpoint fails; say whether it was switched off by this."""
    if it.answered_well:
        connection.execute(_WELL, {"b_id": it.webhook_id})
        return False
    connection.execute(_ILL, {"b_id": it.webhook_id, "at": it.at})
    if not it.off_why:
        return False
    given = {"b_id": it.webhook_id, "at": it.at, "why": it.off_why}
    if it.dead_before is None:
        return connection.execute(_SWITCH_OFF, given).rowcount > 0
    return connection.execute(_SWITCH_OFF_DEAD, given | {"dead_before": it.dead_before}).rowcount > 0


def _resend(transaction: Transaction, wishes: Sequence[tuple[int, int, float]]) -> list[bool]:
    execute = transaction.connection.execute
    return [
        execute(_RESEND, {"b_webhook": webhook_id, "b_id": call_id, "now": now}).rowcount > 0
        for webhook_id, call_id, now in wishes
    ]


def _resend_these(transaction: Transaction, wishes: Sequence[dict[str, Any]]) -> list[int]:
    return [transaction.connection.execute(_RESEND_THESE, wish).rowcount for wish in wishes]


_ADDS = Kind("add webhook calls", _add)
_CLAIMS = Kind("claim webhook calls", _claim)
_SETTLES = Kind("settle webhook calls", _settle)
_RESENDS = Kind("resend webhook calls", _resend)
_RESENDS_MANY = Kind("resend many webhook calls", _resend_these)


class WebhookCalls:
    """Keeps calls, hands them out, and notes how they ended."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes

    async def add(self, webhook_id: int, *, seen: int, new: int, calls: Sequence[NewCall], now: float) -> bool:
        """
        Write the calls for the events behind position ``seen`` up to ``new``.

        Returns:
            False, and nothing is written: somebody else was quicker, or the endpoint is off or gone.
        """
        ids = await self._ids()
        wish = _Adding(webhook_id, seen, new, calls, [ids.next() for _ in calls], now)
        return await self._writer.submit(_ADDS, wish, weight=1 + len(calls))

    async def claim(self, webhook_id: int, limit: int, *, now: float, lease: float) -> list[Call]:
        """Take up to ``limit`` calls that are due, for ``lease`` seconds. Each counts as an attempt from here on."""
        return await self._writer.submit(_CLAIMS, _Claiming(webhook_id, limit, now, now + lease), weight=limit)

    async def settle(self, result: CallResult) -> bool:
        """Note how an attempt ended. True: the endpoint was on, and is off by this."""
        ids = await self._ids()
        return await self._writer.submit(_SETTLES, (ids.next(), result), weight=2)

    async def waiting(self, webhook_id: int) -> int:
        """How many calls are not delivered and not given up."""
        return await self._reader.run(lambda c: c.execute(_WAITING, {"id": webhook_id}).scalar_one())

    async def waiting_of_each(self) -> dict[int, tuple[int, float]]:
        """For each endpoint with calls that wait: how many, and the time of the oldest event in them."""
        rows = await self._reader.run(lambda c: c.execute(_WAITING_OF_EACH).all())
        return {row.webhook_id: (row.waiting, row.at) for row in rows}

    async def next_due(self, webhook_id: int) -> float | None:
        """When the next call is due; None: none waits."""
        return await self._reader.run(lambda c: c.execute(_NEXT_DUE, {"id": webhook_id}).scalar())

    async def history(self, webhook_id: int, limit: int, *, before: int | None = None) -> list[Call]:
        """Give the newest calls, newest first; with ``before`` those with lower ids."""
        given = {"id": webhook_id, "limit": limit, "before": _LARGEST_ID if before is None else before}
        return await self._reader.run(lambda c: [_call(row) for row in c.execute(_HISTORY, given)])

    async def get(self, call_id: int) -> Call | None:
        """Give one call; None: there is none, or no longer."""
        rows = await self._reader.run(lambda c: c.execute(_GET, {"id": call_id}).all())
        return _call(rows[0]) if rows else None

    async def attempts(self, call_id: int) -> list[CallAttempt]:
        """Give the attempts at a call, the first one first."""
        return await self._reader.run(
            lambda c: [CallAttempt(**row._mapping) for row in c.execute(_ATTEMPTS, {"id": call_id})]  # noqa: SLF001
        )

    async def resend(self, webhook_id: int, call_id: int, *, now: float, noted: Note | None = None) -> bool:
        """Make a call that ended once more. False: there is none, or it waits anyway."""
        return await submit(self._writer, _RESENDS, (webhook_id, call_id, now), noted, happened=bool)

    async def resend_since(
        self, webhook_id: int, at: float, *, now: float, failed_only: bool, noted: Note | None = None
    ) -> int:
        """
        Make all calls once more that were written since then and ended. Gives how many.

        ``noted`` is written with the first of them: its transaction is one of several.
        """
        states = [CallState.FAILED.value] if failed_only else [CallState.FAILED.value, CallState.DELIVERED.value]
        after, total = first_at(at) - 1, 0
        while True:
            given = {"webhook_id": webhook_id, "after": after, "states": states, "limit": _CHUNK}
            ids = await self._reader.run(partial(_ended, given=given))
            if not ids:
                return total
            wish = {"ids": ids, "now": now}
            count = await submit(self._writer, _RESENDS_MANY, wish, noted, happened=bool, weight=_CHUNK)
            total, noted = total + count, noted if not count else None
            after = ids[-1]

    async def _ids(self) -> Ids:
        await self._nodes.join()
        return self._nodes.ids


def _ended(connection: Connection, given: dict[str, Any]) -> list[int]:
    return list(connection.execute(_ENDED, given).scalars())


def _call(row: Any) -> Call:
    return Call(
        id=row.id,
        webhook_id=row.webhook_id,
        name=row.name,
        body=row.body,
        events=row.events,
        first_event_at=row.first_event_at,
        state=CallState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_status=row.last_status,
        last_error=row.last_error,
    )
