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
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, text

from store import schema
from store.engine import PATIENCE
from store.errors import StoreUnavailable
from store.events import Event
from store.many import ManyRows
from store.trouble import translated, unavailable
from store.writing import WriteConnection

W = TypeVar("W")
R = TypeVar("R")

# Rows of one transaction, about: a longer one would keep those that wait behind it waiting.
_ROOM = 2_000
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

    def finish(self) -> None:
        """Wait for the files and write the events."""
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


class _WithdrawnError(Exception):
    """A wish of the batch was withdrawn before the commit: roll back, and carry out the others."""


@dataclass(eq=False, slots=True)
class _Order:
    kind: Kind[Any, Any]
    wish: Any
    weight: int
    answer: asyncio.Future[Any]
    waits_since: float
    awaited: bool = False  # somebody waits for the answer
    abandoned: bool = False  # that one was cancelled: it is carried out all the same (3)
    withdrawn: bool = False  # that one was told that it failed: it must not be carried out (4)
    committing: bool = False

    def withdraw(self) -> bool:
        """Have it not carried out; False: its commit is under way, and nobody can say how that will end."""
        # The writer's thread sets `committing` first and then looks here; so one of the two sees the other.
        self.withdrawn = True
        return not self.committing

    def resolve(self, result: Any) -> None:
        if isinstance(result, BaseException):
            if not self.answer.done():
                self.answer.set_exception(result)
        elif (self.answer.done() or self.abandoned) and self.kind.let_go is not None:
            self.kind.let_go(result)
        if not self.answer.done():
            self.answer.set_result(result)


class Writer:
    """Takes wishes and commits them in groups. One for each process."""

    def __init__(self, connection: WriteConnection, dialect: str) -> None:
        self._connection = connection
        self._dialect = dialect
        self._waiting: deque[_Order] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._listeners: list[Callable[[], None]] = []
        self.trouble: StoreUnavailable | None = None  # why the last transaction failed; None: it did not

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._work(), name="store writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def on_events(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit that brought events."""
        self._listeners.append(listener)

    async def submit(self, kind: Kind[W, R], wish: W, *, weight: int = 1, within: float | None = None) -> R:
        """
        Have a wish carried out, and wait for its commit, no longer than ``within`` seconds where that is said.

        Raises StoreUnavailable for our trouble, or what the kind raised for this wish. ``weight`` is its rows, about.
        """
        order = self.enqueue(kind, wish, weight=weight)
        order.awaited = True
        try:
            async with asyncio.timeout(within) as limit:
                return await asyncio.shield(order.answer)
        except TimeoutError as error:
            if not limit.expired():
                raise
            if order.withdraw():
                raise StoreUnavailable("the store took too long; nothing was written") from error
            order.abandoned = True
            raise StoreUnavailable("the store took too long; its commit is under way and may succeed") from error
        except asyncio.CancelledError:
            order.abandoned = True
            raise

    def enqueue(self, kind: Kind[W, R], wish: W, *, weight: int = 1) -> "_Order":
        """Have a wish carried out without waiting for it."""
        if self._stopping or self._task is None:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        order = _Order(kind, wish, weight, loop.create_future(), loop.time())
        order.answer.add_done_callback(_seen)
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
            await self._watch(self._batch())

    def _batch(self) -> list[_Order]:
        batch, room = [self._waiting.popleft()], _ROOM
        room -= batch[0].weight
        while self._waiting and (room := room - self._waiting[0].weight) >= 0:
            batch.append(self._waiting.popleft())
        return batch

    async def _watch(self, batch: list[_Order]) -> None:
        """Commit a batch, and meanwhile tell those who wait too long that the store is unavailable (4)."""
        work = asyncio.ensure_future(self._settle(batch))
        while not (await asyncio.wait({work}, timeout=PATIENCE / 10))[0]:
            now = asyncio.get_running_loop().time()
            while self._waiting and self._waiting[0].waits_since < now - PATIENCE:
                # Not begun, so it will not be: the caller may say 451 and be right.
                self._waiting.popleft().resolve(StoreUnavailable("the store is too slow, or locked"))
            for order in batch:
                if order.waits_since < now - 3 * PATIENCE and not order.answer.done():
                    if order.awaited and not order.abandoned:
                        order.withdraw()
                    order.resolve(StoreUnavailable("the store does not answer"))
        work.result()

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
        wrote_events = False

        def work(connection: Connection) -> None:
            nonlocal wrote_events
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
            transaction.finish()
            _begin_commit(batch)
            wrote_events = bool(transaction.events)

        try:
            await self._connection.run(work)
        except Exception as error:
            self.trouble = unavailable(error) or self.trouble
            raise
        self.trouble = None
        if wrote_events:
            for listener in self._listeners:
                listener()
        return results


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


def _seen(answer: asyncio.Future[Any]) -> None:
    """Whoever asked may be gone; its error is no news then."""
    if not answer.cancelled():
        answer.exception()
