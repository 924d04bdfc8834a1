"""
Letters of our own: taken into the queue together with the place up to which something was told.

The place is a row of ``follower``. It moves in the transaction that takes the letters, and only from where the teller
saw it. So however many nodes tell the same thing, one of them is heard; a crash in between repeats nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update

from store.accept import Acceptance, AcceptWish, accept
from store.contents import Keeper
from store.engine import Reader
from store.nodes import Nodes
from store.nouns import Job, NewMessage, NewRecipient
from store.room import Room
from store.schema import follower
from store.writer import Kind, Transaction, Writer

_POSITION = select(follower.c.position).where(follower.c.name == bindparam("of"))
_BEGIN = insert(follower)
_MOVE = (
    update(follower)
    .where(follower.c.name == bindparam("of"), follower.c.position == bindparam("seen"))
    .values(position=bindparam("to"))
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of our own, ready to be taken into the queue."""

    message: NewMessage
    content: bytes
    recipient: NewRecipient


@dataclass(frozen=True, slots=True)
class _Sending:
    name: str
    seen: int
    to: int
    letters: Sequence[AcceptWish]


class Letters:
    """Sends letters."""

    def __init__(
        self, *, reader: Reader, writer: Writer, nodes: Nodes, keeper: Keeper, room: Room, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._room = room
        self._clock = clock
        self._kind: Kind[_Sending, list[Acceptance] | None] = Kind(
            "send letters", lambda transaction, wishes: [_send(keeper, transaction, wish) for wish in wishes]
        )

    async def begun(self, name: str, position: int) -> int:
        """Give the place up to which was told under this name; ``position`` the first time."""
        found = await self._reader.run(lambda connection: connection.execute(_POSITION, {"of": name}).scalar())
        return int(found) if found is not None else await self._writer.submit(_BEGINNINGS, (name, position))

    async def send(self, name: str, seen: int, to: int, letters: Sequence[Letter]) -> list[Job] | None:
        """
        Take letters into the queue and move the place on, in one transaction.

        Args:
            name: Of what is told.
            seen: The place that ``begun`` gave.
            to: The new one.
            letters: Any number.

        Returns:
            The jobs that are ours to deliver. None: the place is another by now, so nothing was written.

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
        taken = await self._writer.submit(self._kind, _Sending(name, seen, to, wishes), weight=1 + 5 * len(wishes))
        return None if taken is None else [job for acceptance in taken for job in acceptance.jobs]


def _send(keeper: Keeper, transaction: Transaction, wish: _Sending) -> list[Acceptance] | None:
    given = {"of": wish.name, "seen": wish.seen, "to": wish.to}
    if not transaction.connection.execute(_MOVE, given).rowcount:
        return None
    taken: list[Acceptance] = []
    for outcome in accept(keeper, transaction, wish.letters) if wish.letters else ():
        if isinstance(outcome, Exception):
            raise outcome
        taken.append(outcome)
    return taken


def _begin(transaction: Transaction, wishes: Sequence[tuple[str, int]]) -> list[int]:
    return [_begin_one(transaction, name, position) for name, position in wishes]


def _begin_one(transaction: Transaction, name: str, position: int) -> int:
    connection = transaction.connection
    found = connection.execute(_POSITION, {"of": name}).scalar()
    if found is None:
        connection.execute(_BEGIN, {"name": name, "position": position})
        return position
    return int(found)


_BEGINNINGS: Kind[tuple[str, int], int] = Kind("begin to tell", _begin)
