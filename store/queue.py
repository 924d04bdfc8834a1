"""
The queue: from acceptance to the last outcome of each recipient.

What waits together is written together (``store/writer.py``). The statements are in ``accept.py``, ``claims.py`` and
``settle.py``.
"""

# The queue's invariants. tests/store/test_queue.py tests each by its number.
# (1) accept returns only after message, content, recipients and events are committed and synced.
# (2) A recipient is due, claimed, held or settled; only what is in this file moves it between.
# (3) Whatever changes a status, or settles or holds a recipient, writes its event in the same transaction.
# (4) A claim ends: by settle, by give_back, or by the end of the life that it names. No two lives hold one recipient.
# (5) A recipient whose final dot was sent without an outcome comes back in doubt, no earlier than ten minutes later.
# (6) Nothing that came late brings a settled recipient back into the queue.
# (7) A recipient that process after process dies with ends up held, alone, and takes no other with it.

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial

from sqlalchemy import Connection, bindparam, func, select

from store import claims
from store.accept import Acceptance, AcceptWish, accept
from store.audit import Note, submit
from store.changes import Change, RecipientFacts
from store.claims import ClaimWish, DotWish, GiveBackWish, ReleaseWish
from store.contents import Keeper
from store.dots import Dots
from store.engine import Reader
from store.errors import StoreUnavailable
from store.nodes import Nodes
from store.nouns import Job, NewMessage, NewRecipient, State
from store.room import Room
from store.schema import recipient
from store.settle import SettleWish, Word, WordWish, move, settle
from store.sql import CLAIMED, DUE, HELD
from store.writer import Kind, Writer

# Served by recipient_due.
_NEXT_DUE = (
    select(recipient.c.next_attempt_at)
    .where(recipient.c.state == DUE)
    .order_by(recipient.c.next_attempt_at)
    .limit(bindparam("one"))
)
# Served by recipient_due, recipient_claimed and recipient_held; what is settled is the rest of all.
_COUNTS = {
    State.DUE: select(func.count()).select_from(recipient).where(recipient.c.state == DUE),
    State.CLAIMED: select(func.count()).select_from(recipient).where(recipient.c.state == CLAIMED),
    State.HELD: select(func.count()).select_from(recipient).where(recipient.c.state == HELD),
}
_COUNT_ALL = select(func.count()).select_from(recipient)

_MARK_DOT = Kind("mark dot", claims.mark_dot)
_CLAMP = Kind("clamp", claims.clamp)


AGAIN = 1.0  # seconds until we try again to let go what nobody waits for


class Queue:
    """All that changes where a recipient stands."""

    def __init__(
        self,
        *,
        writer: Writer,
        reader: Reader,
        keeper: Keeper,
        nodes: Nodes,
        room: Room,
        dots: Dots,
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._nodes = nodes
        self._room = room
        self._dots = dots
        self._clock = clock
        self._accept = Kind("accept", partial(accept, keeper), let_go=self._let_go_of_acceptance)
        self._claim = Kind("claim", claims.claim, let_go=self._let_go)
        self._give_back = Kind("give back", partial(claims.give_back, dots), committed=self._given_back)
        self._release = Kind("release", partial(claims.release, dots))
        self._settle = Kind("settle", settle, committed=self._settled)
        self._move = Kind("move", partial(move, dots))
        self._letting_go: set[asyncio.Task[None]] = set()
        self._closing = False

    async def accept(
        self,
        message: NewMessage,
        content: bytes,
        recipients: Sequence[NewRecipient],
        *,
        hold: bool = True,
        within: float | None = None,
    ) -> Acceptance:
        """
        Take a message: 250 may be said when this returns (promise 1).

        Args:
            message: Its id and those of the recipients are made by ``Store.ids``.
            content: As it will be read again, byte for byte.
            recipients: At least one. Those whose address is suppressed are settled at once, with the event.
            hold: Claim the others for this process and give them as jobs; False: they are due now.
            within: Seconds to wait for the commit; None: as long as for any other.

        Raises:
            StoreUnavailable: It was not taken, for a fault of ours; or, when its commit was under way as the time ran
                out, it may yet be: then it is delivered, and noted as a possible duplicate when it comes again.
        """
        self._room.check()
        await self._nodes.join()
        life = self._nodes.life
        wish = AcceptWish(message, content, recipients, hold, self._clock(), life, self._dots.heard(life))
        return await self._writer.submit(self._accept, wish, weight=3 + 2 * len(recipients), within=within)

    async def claim_due(self, limit: int, *, exclude_domains: Collection[str] = ()) -> list[Job]:
        """Claim up to ``limit`` recipients whose time has come, the longest due first."""
        await self._nodes.join()
        life = self._nodes.life
        wish = ClaimWish(limit, exclude_domains, self._clock(), life, self._dots.heard(life))
        return await self._writer.submit(self._claim, wish, weight=limit)

    async def next_due_at(self) -> float | None:
        """When the earliest due recipient has its time, in the past or in the future; None: none is due."""
        return await self._reader.run(lambda connection: connection.execute(_NEXT_DUE, {"one": 1}).scalar())

    def mark_dot_at_once(self, job: Job) -> bool:
        """
        Write down that the final dot is about to be sent, without a transaction (promise 4).

        False: nothing is written, and ``mark_dot`` must be asked. So it is where a person said a word about recipients
        since this one was claimed, where it is not certain that outcomes can be written, and on PostgreSQL.
        """
        return self._writer.proven and self._dots.mark(job.recipient_id, job.heard, self._clock())

    async def mark_dot(self, recipient_id: int) -> None:
        """
        Write down that the final dot is about to be sent (promise 4).

        Raises:
            ClaimLost, StoreUnavailable: Do not send it.
        """
        await self._writer.submit(_MARK_DOT, DotWish(recipient_id, self._clock(), self._nodes.life))

    async def settle(
        self,
        recipient_id: int,
        decide: Callable[[RecipientFacts], Change | None],
        *,
        with_history: bool = True,
    ) -> Change | None:
        """
        Read a recipient, ask ``decide``, apply the change: one transaction (promise 2).

        Args:
            recipient_id: An unknown one gives None.
            decide: Pure. Runs in the writer's thread, and again when the first transaction failed.
            with_history: Read what other mails to the address came to, and how many reports came; else both are empty.

        Returns:
            What ``decide`` returned; None: nothing was changed. Whatever it raises is raised.
        """
        return await self.settle_soon(recipient_id, decide, with_history=with_history)

    def settle_soon(
        self,
        recipient_id: int,
        decide: Callable[[RecipientFacts], Change | None],
        *,
        with_history: bool = True,
        foreseen: Change | None = None,
    ) -> "asyncio.Future[Change | None]":
        """
        As ``settle``, without a task of its own.

        ``foreseen``: what ``decide`` says of a delivery at the first attempt, on the facts as acceptance left them.
        Where these still stand it is written, and nothing more need be read; where they do not, ``decide`` is asked.
        """
        wish = SettleWish(recipient_id, decide, with_history, self._clock(), self._nodes.life, foreseen)
        return self._writer.enqueue(self._settle, wish, weight=2).answer

    async def give_back(self, recipient_ids: Sequence[int], *, next_attempt_at: float | None = None) -> None:
        """Let claims of ours go: due at ``next_attempt_at`` (None: now), without an event or a counted attempt."""
        at = self._clock() if next_attempt_at is None else next_attempt_at
        wish = GiveBackWish(recipient_ids, at, self._nodes.life)
        await self._writer.submit(self._give_back, wish, weight=len(recipient_ids))

    async def release_lapsed(self) -> int:
        """
        Take over what processes held that are no more, and say how many (promise 3).

        They are due now; in doubt and ten minutes after the final dot where that was sent. The third process that
        dies with a recipient makes it held.
        """
        lives = await self._nodes.lapsed()
        if lives is not None and not lives:
            return 0
        wish = ReleaseWish(lives, self._clock(), self._nodes.life)
        released = await self._writer.submit(self._release, wish)
        if lives:
            await self._nodes.end(lives)
        self._dots.forget(lives)
        return released

    async def clamp(self, furthest: float) -> int:
        """Bring forward what is due later than ``furthest`` seconds from now: only a wrong clock put it there (Q9)."""
        return await self._writer.submit(_CLAMP, self._clock() + furthest)

    async def give_all_back(self) -> None:
        """Let all claims of this process go, at its end."""
        self._closing = True
        for task in self._letting_go:
            task.cancel()
        await self._writer.submit(self._give_back, GiveBackWish(None, self._clock(), self._nodes.life))

    async def cancel(self, recipient_ids: Sequence[int], *, note: str = "", noted: Note | None = None) -> int:
        """Stop recipients for good, and say how many: not delivered, with a Cancelled event."""
        return await self.say(Word.CANCEL, recipient_ids, note=note, noted=noted)

    async def hold(self, recipient_ids: Sequence[int], *, note: str = "") -> int:
        """Keep recipients back until released, and say how many."""
        return await self.say(Word.HOLD, recipient_ids, note=note)

    async def release(self, recipient_ids: Sequence[int], *, note: str = "") -> int:
        """Make held recipients due now, and say how many."""
        return await self.say(Word.RELEASE, recipient_ids, note=note)

    async def say(self, word: Word, recipient_ids: Sequence[int], *, note: str = "", noted: Note | None = None) -> int:
        """Carry out a word of an operator, and say for how many it did something: each gets its event."""
        wish = WordWish(recipient_ids, word, note, self._clock(), self._nodes.life)
        return await submit(self._writer, self._move, wish, noted, happened=bool, weight=2 * len(recipient_ids))

    async def counts(self) -> dict[State, int]:
        """How many recipients there are in each state."""

        def read(connection: Connection) -> dict[State, int]:
            counts = {state: connection.execute(count).scalar_one() for state, count in _COUNTS.items()}
            counts[State.SETTLED] = connection.execute(_COUNT_ALL).scalar_one() - sum(counts.values())
            return counts

        return await self._reader.run(read)

    def _settled(self, wish: SettleWish, change: Change | None) -> None:
        if change is not None and change.state is not None:
            self._dots.clear(wish.recipient_id)

    def _given_back(self, wish: GiveBackWish, _: None) -> None:
        for id_ in wish.recipient_ids or ():
            self._dots.clear(id_)

    def _let_go_of_acceptance(self, acceptance: Acceptance) -> None:
        """The client is gone, its mail stays: the deliverers find it in the queue."""
        self._let_go(acceptance.jobs)

    def _let_go(self, jobs: Sequence[Job]) -> None:
        ids = [job.recipient_id for job in jobs]
        if ids:
            task = asyncio.get_running_loop().create_task(self._give_back_surely(ids))
            self._letting_go.add(task)
            task.add_done_callback(self._letting_go.discard)

    async def _give_back_surely(self, ids: Sequence[int]) -> None:
        """Ask until the store takes it: a claim that nobody works on would last as long as this process (promise 3)."""
        while not self._closing:
            try:
                await self.give_back(ids)
            except StoreUnavailable:
                await asyncio.sleep(AGAIN)
            else:
                return
