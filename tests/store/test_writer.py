"""Group commit: its invariants by their numbers in store/writer.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, create_engine

from store.errors import StoreUnavailable
from store.writer import Kind, Transaction, Writer

T = TypeVar("T")


class Gate:
    """A write connection whose transactions wait until the test lets them go."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://")
        self.connection = self.engine.connect()
        self.open = asyncio.Event()
        self.open.set()
        self.begun = 0
        self.commits = 0
        self.fails: BaseException | None = None
        self.end: asyncio.Event | None = None  # a commit that is under way waits for it

    async def run(self, work: Callable[[Connection], T]) -> T:
        self.begun += 1
        await self.open.wait()
        if self.fails is not None:
            raise self.fails
        result = work(self.connection)
        if self.end is not None:
            await self.end.wait()
        self.connection.rollback()
        self.commits += 1
        return result

    async def close(self) -> None:
        self.connection.close()
        self.engine.dispose()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    made = Gate()
    yield made
    await made.close()


@pytest.fixture
async def writer(gate: Gate) -> AsyncIterator[Writer]:
    made = Writer(gate, "sqlite")
    made.start()
    yield made
    gate.open.set()
    await made.stop()


seen: list[list[Any]] = []


def _echo(_transaction: Transaction, wishes: Sequence[Any]) -> list[Any]:
    seen.append(list(wishes))
    if "poison" in wishes:
        raise LookupError("poison")
    return [ValueError("bad") if wish == "bad" else wish for wish in wishes]


ECHO: Kind[Any, Any] = Kind("echo", _echo)


@pytest.fixture(autouse=True)
def _forget() -> None:
    seen.clear()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


async def test_1_answers_come_after_the_commit(gate: Gate, writer: Writer) -> None:
    """Nobody is answered while the transaction is under way."""
    gate.open.clear()
    task = asyncio.create_task(writer.submit(ECHO, 1))
    await until(lambda: gate.begun == 1)
    assert not task.done()
    gate.open.set()
    assert await task == 1


async def test_1_what_waits_joins_the_next_commit(gate: Gate, writer: Writer) -> None:
    """While one transaction is committed all that comes waits, and is then written together."""
    gate.open.clear()
    first = asyncio.create_task(writer.submit(ECHO, 0))
    await until(lambda: gate.begun == 1)
    rest = [asyncio.create_task(writer.submit(ECHO, n)) for n in range(1, 50)]
    await asyncio.sleep(0)
    gate.open.set()
    assert await asyncio.gather(first, *rest) == list(range(50))
    assert gate.commits == 2
    assert seen == [[0], list(range(1, 50))]


async def test_1_a_batch_has_bounds(gate: Gate, writer: Writer) -> None:
    """Wishes of many rows are spread over several transactions; one that is larger than the bound goes alone."""
    gate.open.clear()
    tasks = [asyncio.create_task(writer.submit(ECHO, n, weight=w)) for n, w in enumerate((1, 1500, 400, 400, 9000))]
    await until(lambda: gate.begun == 1)
    gate.open.set()
    await asyncio.gather(*tasks)
    assert seen == [[0, 1, 2], [3], [4]]


async def test_2_a_bad_wish_fails_alone(writer: Writer) -> None:
    """An exception among the results is that wish's; one that is raised poisons the batch, and the others go again."""
    outcomes = await asyncio.gather(*(writer.submit(ECHO, wish) for wish in ("a", "bad", "b")), return_exceptions=True)
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == ("a", ValueError, "b")
    outcomes = await asyncio.gather(
        *(writer.submit(ECHO, wish) for wish in ("a", "poison", "b")), return_exceptions=True
    )
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == ("a", LookupError, "b")


async def test_2_trouble_of_the_store_is_everybodys(gate: Gate, writer: Writer) -> None:
    """When the store is gone each is told so at once; nothing is tried one by one."""
    gate.fails = ConnectionError("gone")
    outcomes = await asyncio.gather(*(writer.submit(ECHO, n) for n in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert gate.begun == 1
    assert writer.trouble is not None
    gate.fails = None
    assert await writer.submit(ECHO, "ok") == "ok"
    assert writer.trouble is None


async def test_2_full_disk_is_told(gate: Gate, writer: Writer) -> None:
    """A full disk is StoreUnavailable with ``full``."""
    gate.fails = OSError(28, "No space left on device")
    with pytest.raises(StoreUnavailable) as caught:
        await writer.submit(ECHO, 1)
    assert caught.value.full


async def test_3_a_cancelled_caller_cancels_nothing(gate: Gate, writer: Writer) -> None:
    """The wish of a caller that is gone is carried out, and what it would hold is let go."""
    let_go: list[Any] = []
    kind: Kind[Any, Any] = Kind("holding", _echo, let_go.append)
    gate.open.clear()
    gone = asyncio.create_task(writer.submit(kind, "held"))
    stays = asyncio.create_task(writer.submit(kind, "stays"))
    await until(lambda: gate.begun == 1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    gate.open.set()
    assert await stays == "stays"
    assert gate.commits == 1
    assert let_go == ["held"]


async def test_4_nobody_waits_for_ever(gate: Gate, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a transaction that hangs, what has not begun is never begun and told so; then the hanging one, too."""
    monkeypatch.setattr("store.writer.PATIENCE", 0.02)
    let_go: list[Any] = []
    kind: Kind[Any, Any] = Kind("holding", _echo, let_go.append)
    gate.open.clear()
    begun = asyncio.create_task(writer.submit(kind, "begun"))
    await until(lambda: gate.begun == 1)
    waiting = asyncio.create_task(writer.submit(kind, "waiting"))
    outcomes = await asyncio.gather(begun, waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    gate.open.set()
    assert await writer.submit(ECHO, "next") == "next"
    assert seen == [["begun"], ["next"]]
    assert gate.commits == 1  # what was begun is rolled back: its caller was told that it failed
    assert let_go == []


async def test_4_who_waited_long_enough_withdraws(gate: Gate, writer: Writer) -> None:
    """A wish is not carried out any more once its caller was told so; those beside it are."""
    gate.open.clear()
    late = asyncio.create_task(writer.submit(ECHO, "late", within=0.02))
    other = asyncio.create_task(writer.submit(ECHO, "other"))
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        await late
    waiting = asyncio.create_task(writer.submit(ECHO, "waiting", within=0.02))
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        await waiting
    gate.open.set()
    assert await other == "other"
    assert await writer.submit(ECHO, "next") == "next"
    assert ["late"] not in seen
    assert not any("waiting" in wishes for wishes in seen)
    assert gate.commits == 2


async def test_4_a_withdrawal_within_the_transaction_rolls_it_back(gate: Gate, writer: Writer) -> None:
    """Up to the commit itself: the others of the batch are carried out again without it."""
    orders: list[Any] = []

    def withdrawing(_transaction: Transaction, wishes: Sequence[Any]) -> list[Any]:
        seen.append(list(wishes))
        assert orders[0].withdraw() or len(wishes) == 1
        return list(wishes)

    kind = Kind("withdrawing", withdrawing)
    gate.open.clear()
    blocker = asyncio.create_task(writer.submit(ECHO, "first"))
    await until(lambda: gate.begun == 1)
    orders.append(writer.enqueue(kind, "late"))
    kept = writer.enqueue(kind, "kept")
    gate.open.set()
    await blocker
    assert await kept.answer == "kept"
    assert seen[-2:] == [["late", "kept"], ["kept"]]
    assert not orders[0].answer.done()
    assert gate.commits == 2


async def test_4_a_commit_under_way_is_not_withdrawn(gate: Gate, writer: Writer) -> None:
    """Its caller is told that it may succeed, and what it held is let go when it did."""
    let_go: list[Any] = []
    kind = Kind("held", _echo, let_go=let_go.append)
    gate.end = asyncio.Event()
    with pytest.raises(StoreUnavailable, match="may succeed"):
        await writer.submit(kind, "late", within=0.02)
    assert let_go == []
    gate.end.set()
    await until(lambda: bool(let_go))
    assert let_go == ["late"]
    assert gate.commits == 1


async def test_stopping_writes_what_waits(gate: Gate) -> None:
    """What was submitted before the stop is written; what comes later is refused."""
    writer = Writer(gate, "sqlite")
    writer.start()
    tasks = [asyncio.create_task(writer.submit(ECHO, n)) for n in range(3)]
    await asyncio.sleep(0)
    await writer.stop()
    assert await asyncio.gather(*tasks) == [0, 1, 2]
    with pytest.raises(StoreUnavailable, match="closed"):
        await writer.submit(ECHO, 4)
