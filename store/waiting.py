"""
What is not settled yet, for operators: by destination, one by one, and as ids to say a word about.

Nothing here looks at what is settled: each statement is served by the partial indexes of what is due, claimed or held.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    Subquery,
    bindparam,
    case,
    func,
    literal,
    null,
    select,
    union_all,
)

from store.addresses import address_key
from store.engine import Reader
from store.nouns import State
from store.recent import ROWS, recipient_row
from store.rows import RecipientRow
from store.schema import event, recipient
from store.sql import CLAIMED, DUE, HELD

LIMIT = 100  # destinations, or recipients, that one look gives

_WORDS = {State.DUE: DUE, State.CLAIMED: CLAIMED, State.HELD: HELD}
_UNSETTLED = recipient.c.state.in_(list(_WORDS.values()))


def _share(state: State) -> Select[Any]:
    """How many of a state wait for each domain, and the oldest and newest of them. Served by that state's index."""
    due = state is State.DUE
    # What a person asked for has the time 0: that is now, no time to show.
    at = recipient.c.next_attempt_at
    first = func.min(case((at > 0, at), else_=None)) if due else null().cast(Double)
    return (
        select(
            recipient.c.domain,
            *((func.count() if it is state else literal(0)).label(it.value) for it in _WORDS),
            func.min(recipient.c.id).label("oldest"),
            first.label("next_attempt_at"),
        )
        .where(recipient.c.state == _WORDS[state])
        .group_by(recipient.c.domain)
    )


def _destinations() -> Select[Any]:
    parts: Subquery = union_all(*map(_share, _WORDS)).subquery()
    sums = {it: func.sum(parts.c[it.value]) for it in _WORDS}
    total: ColumnElement[int] = sums[State.DUE] + sums[State.CLAIMED] + sums[State.HELD]
    return (
        select(
            parts.c.domain,
            *(number.label(it.value) for it, number in sums.items()),
            func.min(parts.c.oldest).label("oldest"),
            func.min(parts.c.next_attempt_at).label("next_attempt_at"),
        )
        .group_by(parts.c.domain)
        .order_by(total.desc(), parts.c.domain)
        .limit(bindparam("limit"))
    )


_DESTINATIONS = _destinations()
_OLDEST = select(recipient.c.accepted_at).where(recipient.c.id == bindparam("id"))
# The one that waits longest was tried last. Served by recipient_due_domain.
_LATEST_DUE = (
    select(recipient.c.id)
    .where(recipient.c.state == DUE, recipient.c.domain == bindparam("domain"))
    .order_by(recipient.c.next_attempt_at.desc())
    .limit(1)
)
# Served by event_recipient.
_LAST_WORDS = (
    select(event.c.reply, event.c.note)
    .where(event.c.recipient_id == bindparam("id"), (event.c.reply != "") | (event.c.note != ""))
    .order_by(event.c.position.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for one domain."""

    domain: str  # "": addresses that have none that DNS can know
    due: int
    claimed: int
    held: int
    oldest_at: float  # when the oldest was accepted
    next_attempt_at: float | None  # earliest; None: none is due, or a person asked for it now
    last_reply: str  # what was said last to one of them, or why there was no reply; "": none was tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which recipients are meant: all that is given must fit. Nothing given: all that wait."""

    recipient_id: int | None = None
    message_id: int | None = None
    address: str = ""
    domain: str | None = None  # in A-labels
    state: State | None = None

    def among(self, statement: Select[Any]) -> tuple[Select[Any], dict[str, Any]]:
        """Narrow a statement down."""
        given: dict[str, Any] = {}
        wanted = _UNSETTLED if self.state is None else recipient.c.state == _WORDS[self.state]
        statement = statement.where(wanted)
        for name, column, value in (
            ("which_id", recipient.c.id, self.recipient_id),
            ("which_message", recipient.c.message_id, self.message_id),
            ("which_address", recipient.c.address_key, address_key(self.address) if self.address else None),
            ("which_domain", recipient.c.domain, self.domain),
        ):
            if value is not None:
                statement = statement.where(column == bindparam(name))
                given[name] = value
        return statement, given

    def each(self, statement: Select[Any]) -> tuple[Select[Any], dict[str, Any]]:
        """Narrow it down for each state by itself, so that a domain is found by the indexes of the states."""
        states = [self.state] if self.state is not None else list(_WORDS)
        narrowed = [Which(**{**self._given(), "state": state}).among(statement) for state in states]
        return select(union_all(*(part for part, _ in narrowed)).subquery()), narrowed[0][1]

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("recipient_id", "message_id", "address", "domain")}


class WaitingMail:
    """Reads what waits."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def by_destination(self, *, limit: int = LIMIT) -> list[Waiting]:
        """Give the domains that most waits for, the longest queue first."""

        def read(connection: Connection) -> list[Waiting]:
            return [_waiting(connection, row) for row in connection.execute(_DESTINATIONS, {"limit": limit}).all()]

        return await self._reader.run(read)

    async def recipients(self, which: Which, *, limit: int = LIMIT) -> list[RecipientRow]:
        """Give those that are meant, the earliest accepted first."""
        ids, given = which.each(select(recipient.c.id))
        # By a sum and not by the id itself: for that SQLite would go through all rows, settled ones too, by their key.
        chosen = ids.order_by(ids.selected_columns[0] + 0).limit(bindparam("limit"))
        statement = ROWS.where(recipient.c.id.in_(chosen)).order_by(recipient.c.id)

        def read(connection: Connection) -> list[RecipientRow]:
            return [recipient_row(row) for row in connection.execute(statement, {**given, "limit": limit})]

        return await self._reader.run(read)

    async def ids(self, which: Which) -> list[int]:
        """Give the ids of all that are meant: eight octets each, however many wait."""
        statement, given = which.each(select(recipient.c.id))
        return await self._reader.run(lambda connection: list(connection.execute(statement, given).scalars()))


def _waiting(connection: Connection, row: Any) -> Waiting:
    latest = connection.execute(_LATEST_DUE, {"domain": row.domain}).scalar()
    said = connection.execute(_LAST_WORDS, {"id": row.oldest if latest is None else latest}).first()
    return Waiting(
        domain=row.domain,
        due=int(row.due),
        claimed=int(row.claimed),
        held=int(row.held),
        oldest_at=connection.execute(_OLDEST, {"id": row.oldest}).scalar_one(),
        next_attempt_at=row.next_attempt_at,
        last_reply=(said.reply or said.note) if said else "",
    )
