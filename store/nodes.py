"""
Nodes: the processes that make ids and hold claims.

Each has a number (ten bits of its ids) and a life: the first id that it made, so two processes that had the same
number one after the other are told apart. A living process lets its beat grow. Others watch the beats with their own
clock, so no two clocks are ever compared; and a watcher that did not look for long (its clock jumped, or it slept)
looks again before it calls anybody dead (Q9).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, insert, select, text, update

from store.engine import Reader
from store.errors import StoreUnavailable
from store.ids import NODES, Ids
from store.schema import node, recipient
from store.sql import CLAIMED, among
from store.writer import Kind, Transaction, Writer

_LOCK_NODES = text("SELECT pg_advisory_xact_lock(7205759403793)")
_ALL = select(node.c.number, node.c.life, node.c.seen_at, node.c.ended)
_LIVING = select(node.c.life, node.c.beat).where(node.c.ended.is_(False))
# Served by recipient_claimed.
_CLAIMERS = select(recipient.c.claimed_by).where(recipient.c.state == CLAIMED).distinct()
_ADD = insert(node)
_REPLACE = update(node).where(node.c.number == bindparam("b_number"))
_BEAT = (
    update(node)
    .where(node.c.life == bindparam("b_life"), node.c.ended.is_(False))
    .values(beat=node.c.beat + 1, seen_at=bindparam("now"))
)
_END_OTHERS = update(node).where(node.c.life != bindparam("b_life")).values(ended=True)
_END_NAMESAKES = (
    update(node).where(node.c.name == bindparam("b_name"), node.c.life != bindparam("b_life")).values(ended=True)
)
_END = update(node).where(among(node.c.life, "lives", BigInteger)).values(ended=True)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watcher knows of one life."""

    beat: int
    silent: float  # seconds that the watcher saw pass without a beat
    looked_at: float  # by the watcher's clock


def watch(
    known: Mapping[int, Watched], beats: Mapping[int, int], now: float, lease: float
) -> tuple[dict[int, Watched], list[int]]:
    """
    Decide who is dead.

    Args:
        known: What the last look left.
        beats: The beat of each living life but our own.
        now: By our clock.
        lease: Seconds of silence after which a life is over.

    Returns:
        What to keep for the next look, and the lives that are over.
    """
    after: dict[int, Watched] = {}
    for life, beat in beats.items():
        before = known.get(life)
        if before is None or before.beat != beat:
            after[life] = Watched(beat, 0.0, now)
            continue
        passed = now - before.looked_at
        # Whoever looks after a gap as long as the lease cannot tell its own sleep from the other's death.
        seen = passed if 0.0 <= passed < lease else 0.0
        after[life] = Watched(beat, before.silent + seen, now)
    return after, [life for life, it in after.items() if it.silent >= lease]


@dataclass(frozen=True, slots=True)
class _JoinWish:
    name: str
    now: float
    make_ids: Callable[[int], Ids]


def _join(transaction: Transaction, wishes: Sequence[_JoinWish]) -> list[tuple[Ids, int] | Exception]:
    if transaction.dialect == "postgresql":
        transaction.connection.execute(_LOCK_NODES)
    return [_join_one(transaction.connection, wish) for wish in wishes]


def _join_one(connection: Connection, wish: _JoinWish) -> tuple[Ids, int] | Exception:
    rows = connection.execute(_ALL).all()
    number = _free_number(rows)
    if number is None:
        return StoreUnavailable(f"all {NODES} numbers of nodes are taken")
    ids = wish.make_ids(number)
    life = ids.next()
    row = {"life": life, "name": wish.name, "beat": 0, "seen_at": wish.now, "ended": False}
    if any(taken.number == number for taken in rows):
        connection.execute(_REPLACE, {"b_number": number, **row})
    else:
        connection.execute(_ADD, {"number": number, **row})
    return ids, life


def _free_number(rows: Sequence[Any]) -> int | None:
    """Choose a number that nobody had, else the one that nobody had for longest: clocks of nodes may differ."""
    unused = next((number for number in range(NODES) if number not in {row.number for row in rows}), None)
    if unused is not None:
        return unused
    ended = sorted((row.seen_at, row.number) for row in rows if row.ended)
    return ended[0][1] if ended else None


def _beat(transaction: Transaction, wishes: Sequence[tuple[int, float]]) -> list[bool]:
    return [transaction.connection.execute(_BEAT, {"b_life": life, "now": now}).rowcount > 0 for life, now in wishes]


def _end(transaction: Transaction, wishes: Sequence[Sequence[int]]) -> list[None]:
    transaction.connection.execute(_END, {"lives": [life for lives in wishes for life in lives]})
    return [None] * len(wishes)


def _end_others(transaction: Transaction, wishes: Sequence[int]) -> list[None]:
    for life in wishes:
        transaction.connection.execute(_END_OTHERS, {"b_life": life})
    return [None] * len(wishes)


def _end_namesakes(transaction: Transaction, wishes: Sequence[tuple[str, int]]) -> list[None]:
    for name, life in wishes:
        transaction.connection.execute(_END_NAMESAKES, {"b_name": name, "b_life": life})
    return [None] * len(wishes)


def _look(connection: Connection) -> tuple[set[int], Sequence[Any]]:
    # Claims first: whoever holds one had begun its life before.
    return set(connection.execute(_CLAIMERS).scalars()), connection.execute(_LIVING).all()


JOIN = Kind("join", _join)
_BEATS = Kind("beat", _beat)
_ENDS = Kind("end", _end)
_ENDS_OTHERS = Kind("end others", _end_others)
_ENDS_NAMESAKES = Kind("end namesakes", _end_namesakes)


class Nodes:
    """Our own node, and what we know of the others."""

    def __init__(
        self, *, writer: Writer, reader: Reader, name: str, lease: float, alone: bool, clock: Callable[[], float]
    ) -> None:
        """Build it; ``alone``: we hold the lock of a SQLite store, so every other life is over."""
        self._writer = writer
        self._reader = reader
        self._name = name
        self._lease = lease
        self._alone = alone
        self._clock = clock
        self._watched: dict[int, Watched] = {}
        self._ids: Ids | None = None
        self.life = 0  # 0: not joined; no claim can be ours then

    @property
    def ids(self) -> Ids:
        """Makes our ids; ``join`` comes first."""
        if self._ids is None:
            raise StoreUnavailable("this process has no number yet")
        return self._ids

    async def join(self) -> None:
        """Take a number and begin a life, unless that was done."""
        if self._ids is None:
            wish = _JoinWish(self._name, self._clock(), lambda number: Ids(number, self._clock))
            ids, life = await self._writer.submit(JOIN, wish)
            if self._ids is None:
                self._ids, self.life = ids, life

    async def beat(self) -> None:
        """Tell the others that we live. When they took us for dead, and our claims over, we begin a new life."""
        if not await self._writer.submit(_BEATS, (self.life, self._clock())):
            self._ids = None
            await self.join()

    async def lapsed(self) -> list[int] | None:
        """Which lives hold claims and are over, or are over since the last look; None: all but ours."""
        if self._alone:
            return None
        claimers, rows = await self._reader.run(_look)
        beats = {row.life: row.beat for row in rows if row.life != self.life}
        self._watched, over = watch(self._watched, beats, self._clock(), self._lease)
        living = (beats.keys() | {self.life}) - set(over)
        return sorted(claimers - living | set(over))

    async def end(self, lives: Sequence[int]) -> None:
        """Write down that lives are over."""
        await self._writer.submit(_ENDS, lives)

    async def end_others(self) -> None:
        """Write down that all lives but ours are over: we hold the lock of the store."""
        await self._writer.submit(_ENDS_OTHERS, self.life)

    async def end_namesakes(self) -> None:
        """Write down that earlier lives of our name are over: who gave us the name saw them end."""
        await self._writer.submit(_ENDS_NAMESAKES, (self._name, self.life))

    async def leave(self) -> None:
        """End our own life."""
        if self.life:
            await self.end([self.life])
