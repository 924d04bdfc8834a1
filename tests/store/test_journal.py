"""The journal: every event once, in the order of commits (promise 10)."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest
from sqlalchemy import text

from store.journal_record import EventRecord
from store.open import Store
from store.writer import Transaction, write_events
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept, deferred, delivered


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(60):
        for _ in iter(condition, True):
            await asyncio.sleep(0)


async def take(store: Store, count: int, position: int | None = 0) -> list[EventRecord]:
    """Follow the journal until some events came."""
    records: list[EventRecord] = []
    async with aclosing(store.journal.follow(position, poll=0.01)) as following:
        async for record in following:
            records.append(record)
            if len(records) == count:
                break
    return records


async def test_records_say_what_people_know(store: Store, clock: Clock) -> None:
    """A record carries address, subject, customer, invoice and time of its message."""
    await accept(store, "ann@example.org", now=clock(), subject="Invoice 7", customer="42", invoice="R-7")
    (record,) = await store.journal.after(0)
    assert (record.forward_path, record.subject, record.customer) == ("ann@example.org", "Invoice 7", "42")
    assert (record.invoice, record.message_accepted_at) == ("R-7", clock())
    assert record.position == await store.journal.last_position()
    assert await store.journal.after(record.position) == []


async def test_events_come_back_as_they_went(store: Store, clock: Clock) -> None:
    """Every field of an event survives the store."""
    taken = await accept(store, "ann@example.org", now=clock())
    decide = deferred(clock(), clock() + 60)
    change = await store.queue.settle(taken.jobs[0].recipient_id, decide)
    assert change is not None
    assert [record.event for record in await store.journal.after(1)] == list(change.events)


async def test_pages(store: Store, clock: Clock) -> None:
    """A reader that goes on from the last position sees each event once, whatever the page."""
    await accept(store, *(f"m{n}@example.org" for n in range(25)), now=clock())
    seen: list[int] = []
    while page := await store.journal.after(seen[-1] if seen else 0, limit=7):
        seen += [record.position for record in page]
    assert len(seen) == 25
    assert seen == sorted(set(seen))


async def test_following_from_now_on(store: Store, clock: Clock) -> None:
    """Without a position a follower sees only what comes from now on, as soon as it is committed."""
    await accept(store, "old@example.org", now=clock())
    follower = asyncio.create_task(take(store, 2, None))
    await until(lambda: bool(store.journal._followers))
    taken = await accept(store, "new@example.org", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    records = await follower
    assert [(record.event.kind, record.forward_path) for record in records] == [
        ("accepted", "new@example.org"),
        ("delivered", "new@example.org"),
    ]
    assert not store.journal._followers


async def test_a_follower_that_is_cancelled_with_news_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower ends when it is told to, also in the very moment in which an event comes."""
    idle = asyncio.Event()
    look = store.journal.after

    async def after(position: int) -> list[EventRecord]:
        records = await look(position)
        idle.set()
        return records

    async def follow() -> None:
        async for _ in store.journal.follow(0, poll=30.0):
            pass

    monkeypatch.setattr(store.journal, "after", after)
    follower = asyncio.create_task(follow())
    await idle.wait()
    for _ in range(3):  # it waits for news now
        await asyncio.sleep(0)
    store.journal._wake()
    follower.cancel()
    await asyncio.wait([follower], timeout=60.0)
    assert follower.cancelled()


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_10_followers_of_several_nodes(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """While two nodes write, a follower sees every event of both exactly once, in order of position."""
    other = await open_again(name="other")
    follower = asyncio.create_task(take(store, 120))
    await asyncio.gather(
        *(accept((store, other)[n % 2], f"m{n}@example.org", now=clock()) for n in range(60)),
        *(accept((store, other)[n % 2], f"n{n}@example.org", now=clock()) for n in range(60)),
    )
    records = await follower
    positions = [record.position for record in records]
    assert positions == sorted(set(positions))
    assert len({record.event.recipient_id for record in records}) == 120


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_10_late_commits_are_not_skipped(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """
    A transaction that took its positions first and commits last is not passed by a follower.

    The trap: without the lock the second transaction would commit position 3 while 2 is still unseen, and a reader
    that saw 3 would never look for 2.
    """
    taken = await accept(store, "ann@example.org", now=clock())
    (first,) = await store.journal.after(0)
    other = await open_again(name="other")
    began, may_commit = asyncio.Event(), asyncio.Event()
    slow = other._connection._engine  # type: ignore[attr-defined]  # of the PostgreSQL kind

    async def late() -> None:
        await other._connection.close()  # its one connection is ours for this test
        async with slow.connect() as connection:

            def write(sync: object) -> None:
                transaction = Transaction(sync, "postgresql", events=[first.event])  # type: ignore[arg-type]
                transaction.finish()

            await connection.run_sync(write)
            began.set()
            await may_commit.wait()
            await connection.commit()

    late_writer = asyncio.create_task(late())
    await began.wait()
    quick = asyncio.create_task(store.queue.settle(taken.jobs[0].recipient_id, delivered(clock())))
    follower = asyncio.create_task(take(store, 2, first.position))
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
    async with asyncio.timeout(60):
        while True:
            if await store._reader.run(lambda connection: connection.execute(waiting).scalar()):
                break
    assert not quick.done()  # it waits for the late one, before it takes a position
    may_commit.set()
    await asyncio.gather(late_writer, quick)
    assert [record.event.kind for record in await follower] == ["accepted", "delivered"]


def test_the_lock_comes_before_the_events() -> None:
    """On PostgreSQL the lock is taken before the first position, in the same transaction."""
    said: list[str] = []

    class Recorder:
        def execute(self, statement: object, *_: object) -> None:
            said.append(str(statement))

    transaction = Transaction(Recorder(), "postgresql")  # type: ignore[arg-type]  # only execute is used
    transaction.finish()
    assert said == []
    transaction.events.append(None)  # type: ignore[arg-type]  # never looked at
    with pytest.raises(AttributeError):
        transaction.finish()
    assert "pg_advisory_xact_lock" in said[0]
    assert write_events is not None


async def test_who_gathers_gets_the_same(store: Store, clock: Clock) -> None:
    """Events that wait for others come later, in order and once."""
    await accept(store, "a@example.org", now=clock())
    positions: list[int] = []
    async with aclosing(store.journal.pages(0, poll=0.01, gather=0.01)) as following:
        async for records in following:
            positions += [record.position for record in records]
            if len(positions) == 5:
                break
            if len(positions) in (1, 3):
                await accept(store, "b@example.org", "c@example.org", now=clock())
    assert positions == sorted(set(positions))
