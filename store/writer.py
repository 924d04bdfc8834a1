"""
Group commit: what is to be written while a transaction is being committed joins the next one.

One sync then serves many messages, and each kind of wish is carried out by a few statements for all of its kind. The
invariants, tested by number in tests/store/test_writer.py:

(1) A wish is answered only after the transaction that holds it is committed and synced.
(2) A wish that fails changes nothing, and fails no other.
(3) A caller that is cancelled cancels nothing: its wish is carried out, and what it would have held is let go.
(4) A caller waits no longer than about three times PATIENCE, or than it said: then it is told that the store is
    unavailable, and its wish is not carried out any more unless its very commit is under way.
(5) Events are the last statements of a transaction, written under one lock: positions are in commit order.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection, text

from store import schema
from store.engine import PATIENCE
from store.errors import StoreUnavailable
from store.events import Event
from store.many import ManyRows
from store.measures import Measures
from store.trouble import translated, unavailable
from store.writing import WriteConnection

W = TypeVar("W")
R = TypeVar("R")

# Rows of one transaction, about: a longer one would keep those that wait behind it waiting.
_ROOM = 2_000
_PROVEN = 1.0  # seconds for which one commit proves that the store can be written
# Any number; nobody else takes it. Held to the end of the transaction, which is after it can be seen.
_LOCK_JOURNAL = text("SELECT pg_advisory_xact_lock(7205759403792)")
_INSERT_EVENTS = ManyRows(schema.event, *(column.name for column in schema.event.c if column.name != "position"))


@dataclass(slots=True)
class Transaction:
    """What one transaction has at hand. Only for the work that runs in it."""

    connection: Connection
    dialect: str
    events: list[Event] = field(default_factory=list)  # written last, see (5)
    files: list[ThreadFuture[None]] = field(default_factory=list)  # must be on disk before the commit

    def finish(self, companions: "Sequence[Callable[[Transaction], None]]" = ()) -> None:
        """Have companions add what they wish to, wait for the files, and write the events."""
        for companion in companions:
            companion(self)
        for file in self.files:
            file.result()
        if self.events:
            if self.dialect == "postgresql":
                self.connection.execute(_LOCK_JOURNAL)
            write_events(self.connection, self.events)


@dataclass(frozen=True, slots=True)
class Kind(Generic[W, R]):
    """
    How all wishes of one kind are carried out together.

    ``perform`` gives one result for each wish, in order; an exception among them fails that wish alone, and then
    nothing may be written for it.
    """

    name: str
    perform: Callable[[Transaction, Sequence[W]], Sequence[R | Exception]]
    # Called with the result when nobody waits for it any more: gives back what the wish claimed.
    let_go: Callable[[R], None] | None = None
    # Called with wish and result, in the event loop, when the wish is committed.
    committed: Callable[[W, R], None] | None = None


class _WithdrawnError(Exception):
    """A wish of the batch was withdrawn before the commit: roll back, and carry out the others."""


@dataclass(eq=False, slots=True)
class _Order:
    kind: Kind[Any, Any]
    wish: Any
    weight: int
    answer: asyncio.Future[Any]
    waits_since: float
    timer: asyncio.TimerHandle | None = None  # of a caller that waits only so long
    withdrawn: bool = False  # the caller was told that it failed: it must not be carried out (4)
    committing: bool = False

    def withdraw(self) -> bool:
        """Have it not carried out; False: its commit is under way, and nobody can say how that will end."""
        # The writer's thread sets `committing` first and then looks here; so one of the two sees the other.
        self.withdrawn = True
        return not self.committing

    def expire(self) -> None:
        """Tell the caller that it took too long."""
        if self.answer.done():
            return
        if self.withdraw():
            self.fail(StoreUnavailable("the store took too long; nothing was written"))
        else:
            self.fail(StoreUnavailable("the store took too long; its commit is under way and may succeed"))

    def fail(self, error: BaseException) -> None:
        """Answer with an error."""
        if self.timer is not None:
            self.timer.cancel()
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # whoever asked may be gone; its error is no news then

    def resolve(self, result: Any) -> None:
        """Answer with what came of it. Where nobody waits any more (3), what it holds is let go."""
        if isinstance(result, BaseException):
            self.fail(result)
            return
        if self.timer is not None:
            self.timer.cancel()
        if self.kind.committed is not None:
            self.kind.committed(self.wish, result)
        if not self.answer.done():
            self.answer.set_result(result)
        elif self.kind.let_go is not None:
            self.kind.let_go(result)


class Writer:
    """Takes wishes and commits them in groups. One for each process."""

    def __init__(self, connection: WriteConnection, dialect: str) -> None:
        self._connection = connection
        self._dialect = dialect
        self._waiting: deque[_Order] = deque()
        self._batch: list[_Order] = []  # being committed
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._stopping = False
        self._listeners: list[Callable[[], None]] = []
        self._companions: list[Callable[[Transaction], None]] = []
        self.measures = Measures()
        self.trouble: StoreUnavailable | None = None  # why the last transaction failed; None: it did not
        self.troubled = asyncio.Event()  # set while there is trouble
        self._committed_at = float("-inf")  # loop time

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._work(), name="store writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._watch is not None:
            self._watch.cancel()

    def on_events(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit that brought events."""
        self._listeners.append(listener)

    def beside(self, companion: Callable[[Transaction], None]) -> None:
        """Call ``companion`` in each transaction, behind the wishes. It must not fail, or the transaction does."""
        self._companions.append(companion)

    @property
    def proven(self) -> bool:
        """Whether a commit succeeded a moment ago and none failed since: so the next one very probably can, too."""
        return self.trouble is None and asyncio.get_running_loop().time() - self._committed_at < _PROVEN

    async def submit(self, kind: Kind[W, R], wish: W, *, weight: int = 1, within: float | None = None) -> R:
        """
        Have a wish carried out, and wait for its commit, no longer than ``within`` seconds where that is said.

        Raises StoreUnavailable for our trouble, or what the kind raised for this wish. ``weight`` is its rows, about.
        """
        return cast("R", await self.enqueue(kind, wish, weight=weight, within=within).answer)

    def enqueue(self, kind: Kind[W, R], wish: W, *, weight: int = 1, within: float | None = None) -> "_Order":
        """Have a wish carried out; its ``answer`` is what ``submit`` gives. Cancelling that cancels nothing else."""
        if self._stopping or self._task is None:
            raise StoreUnavailable("the store is closed")
        loop = self._task.get_loop()
        order = _Order(kind, wish, weight, loop.create_future(), loop.time())
        if within is not None:
            order.timer = loop.call_later(within, order.expire)
        self._waiting.append(order)
        self._wake.set()
        return order

    async def _work(self) -> None:
        while True:
            if not self._waiting:
                if self._stopping:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            self._batch = self._next_batch()
            if self._watch is None:
                self._watch = asyncio.get_running_loop().call_later(PATIENCE / 10, self._look_at_time)
            await self._settle(self._batch)
            self._batch = []

    def _next_batch(self) -> list[_Order]:
        batch, room = [self._waiting.popleft()], _ROOM
        room -= batch[0].weight
        while self._waiting and (room := room - self._waiting[0].weight) >= 0:
            batch.append(self._waiting.popleft())
        return batch

    def _look_at_time(self) -> None:
        """While something is written, tell those who wait too long that the store is unavailable (4)."""
        self._watch = None
        if not self._batch:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting and self._waiting[0].waits_since < now - PATIENCE:
            # Not begun, so it will not be: the caller may say 451 and be right.
            self._waiting.popleft().fail(StoreUnavailable("the store is too slow, or locked"))
        for order in self._batch:
            if order.waits_since < now - 3 * PATIENCE and not order.answer.done():
                order.withdraw()
                order.fail(StoreUnavailable("the store does not answer"))
        self._watch = loop.call_later(PATIENCE / 10, self._look_at_time)

    async def _settle(self, batch: list[_Order]) -> None:
        batch = [order for order in batch if not order.withdrawn]
        if not batch:
            return
        try:
            results = await self._commit(batch)
        except _WithdrawnError:
            await self._settle(batch)
            return
        except Exception as error:  # noqa: BLE001 - each caller gets it
            trouble = unavailable(error)
            if len(batch) > 1 and (trouble is None or trouble.full):
                for order in batch:  # one poisons all, or the smaller ones still find room (2)
                    await self._settle([order])
                return
            results = [translated(error)] * len(batch)
        for order, result in zip(batch, results, strict=True):
            order.resolve(result)

    async def _commit(self, batch: list[_Order]) -> list[Any]:
        """Carry a batch out in one transaction; the results are in the order of the batch."""
        groups: dict[int, list[int]] = {}
        for n, order in enumerate(batch):
            order.committing = False
            groups.setdefault(id(order.kind), []).append(n)
        results: list[Any] = [None] * len(batch)
        events: list[Event] = []

        def work(connection: Connection) -> None:
            nonlocal events
            transaction = Transaction(connection, self._dialect)
            try:
                for numbers in groups.values():
                    kind = batch[numbers[0]].kind
                    outcome = kind.perform(transaction, [batch[n].wish for n in numbers])
                    for n, result in zip(numbers, outcome, strict=True):
                        results[n] = result
            except BaseException:
                for file in transaction.files:
                    file.exception()  # no thread may still write when the next batch begins
                raise
            transaction.finish(self._companions)
            _begin_commit(batch)
            events = transaction.events

        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        try:
            await self._connection.run(work)
        except Exception as error:
            self._note(unavailable(error) or self.trouble)
            raise
        self._note(None)
        self._committed_at = loop.time()
        self.measures.committed(len(batch), self._committed_at - begun_at, events)
        if events:
            for listener in self._listeners:
                listener()
        return results

    def _note(self, trouble: StoreUnavailable | None) -> None:
        if trouble is not self.trouble:
            self.trouble = trouble
            self.troubled.set() if trouble is not None else self.troubled.clear()


def _begin_commit(batch: Sequence[_Order]) -> None:
    """From here on nothing can be withdrawn. Runs in the writer's thread, as the last of the work."""
    for order in batch:
        order.committing = True
    if any(order.withdrawn for order in batch):
        raise _WithdrawnError


def write_events(connection: Connection, events: Sequence[Event]) -> None:
    """Append events to the journal, in their order."""
    _INSERT_EVENTS.execute(connection, [_event_row(event) for event in events])


def _event_row(event: Event) -> tuple[Any, ...]:
    """In the order of _INSERT_EVENTS."""
    return (
        event.message_id,
        event.recipient_id,
        event.kind,
        event.at,
        event.reason.value if event.reason else None,
        event.rule,
        event.reply,
        event.status,
        event.remote_host,
        event.remote_address,
        event.tls,
        event.attempt,
        event.next_attempt_at,
        event.caused_by,
        event.verdict.value if event.verdict else None,
        event.note,
    )
