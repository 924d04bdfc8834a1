"""Several nodes on one PostgreSQL, and a PostgreSQL that goes away."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.errors import ClaimLost, StoreUnavailable
from store.nouns import RecipientStatus, State
from store.open import Store
from tests.conftest import Clock
from tests.rigs.postgres import Postgres
from tests.store.conftest import OpenAgain
from tests.store.mail import accept, deferred, delivered

T = TypeVar("T")


@pytest.fixture
def engine() -> str:
    return "postgresql"


async def test_4_two_nodes_never_share_a_recipient(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """Whatever two nodes claim at the same time, each recipient goes to one of them."""
    other = await open_again(name="other")
    await accept(store, *(f"m{n}@example.org" for n in range(300)), now=clock(), hold=False)
    claimed = await asyncio.gather(*((store, other)[n % 2].queue.claim_due(17) for n in range(30)))
    ids = [job.recipient_id for jobs in claimed for job in jobs]
    assert len(ids) == len(set(ids)) == 300


async def test_4_a_node_that_was_taken_for_dead(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """What another node took over the first one neither sends nor puts back; but an outcome that it knows counts."""
    taken = await accept(store, "a@example.org", "b@example.org", now=clock())
    ids = [job.recipient_id for job in taken.jobs]
    other = await open_again(name="other")
    for _ in range(5):
        await other.queue.release_lapsed()  # the first one does not beat: its clock stands still in this test
        clock.move(20)
    assert len(await other.queue.claim_due(10)) == 2
    with pytest.raises(ClaimLost):
        await store.queue.mark_dot(ids[0])
    await store.queue.settle(ids[0], deferred(clock(), clock()))
    await store.queue.give_back(ids)
    assert (await other.queue.counts())[State.CLAIMED] == 2
    await store.queue.settle(ids[1], delivered(clock()))
    with pytest.raises(ClaimLost):
        await other.queue.mark_dot(ids[1])
    life = store._nodes.life
    await store._nodes.beat()
    assert store._nodes.life != life  # it begins a new life


async def test_3_a_successor_takes_over_at_once(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """Whoever is known to follow a dead node of its name waits for no lease; others keep what they hold."""
    other = await open_again(name="other")
    await accept(other, "a@example.org", now=clock())
    await accept(store, "b@example.org", now=clock())
    successor = await open_again(name="other", successor=True)
    (job,) = await successor.queue.claim_due(10)
    assert job.forward_path == "a@example.org"
    assert (await store.queue.counts())[State.CLAIMED] == 2


async def test_q6_the_server_is_gone_and_comes_back(
    store: Store, postgres: Postgres, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server is down everything is StoreUnavailable; when it is back so is the store, and nothing is lost."""
    monkeypatch.setattr("store.engine.PATIENCE", 1.0)
    await accept(store, "ann@example.org", now=clock())
    postgres.kill()
    try:
        with pytest.raises(StoreUnavailable):
            await accept(store, "bob@example.org", now=clock())
        with pytest.raises(StoreUnavailable):
            await store.journal.after(0)
        with pytest.raises(StoreUnavailable):
            await store.check()
        assert not store.writable
    finally:
        postgres.start_server()
    await store.check()
    assert store.writable
    assert len(await store.find.by_address("ann@example.org")) == 1
    assert await store.find.by_address("bob@example.org") == []
    assert (await accept(store, "bob@example.org", now=clock())).jobs


@pytest.mark.parametrize("committed", [True, False])
async def test_q6_a_commit_without_an_answer(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, postgres: Postgres, *, committed: bool
) -> None:
    """
    When the connection dies while COMMIT is under way, the outcome is looked up before anybody is answered.

    Committed: accepted, once. Not committed: StoreUnavailable, and nothing is there.
    """
    real: Callable[[AsyncConnection], Any] = AsyncConnection.commit
    died = 0

    async def dying(connection: AsyncConnection) -> None:
        nonlocal died
        if died:
            return await real(connection)
        died = 1
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        if committed:
            await real(connection)
            await connection.execute(text("SELECT 1"))
        await asyncio.to_thread(postgres.sql, "postgres", f"SELECT pg_terminate_backend({pid}, 5000)")
        return await real(connection)

    monkeypatch.setattr(AsyncConnection, "commit", dying)
    if committed:
        taken = await accept(store, "ann@example.org", now=clock())
        assert len(taken.jobs) == 1
    else:
        with pytest.raises(StoreUnavailable):
            await accept(store, "ann@example.org", now=clock())
    assert died
    assert len(await store.find.by_address("ann@example.org")) == int(committed)


async def test_a_deadlock_costs_nobody_anything(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """Two nodes that settle the same recipients in different orders both get through."""
    other = await open_again(name="other")
    taken = await accept(store, *(f"m{n}@example.org" for n in range(20)), now=clock())
    ids = [job.recipient_id for job in taken.jobs]
    await asyncio.gather(
        *(store.queue.settle(id_, delivered(clock())) for id_ in ids),
        *(other.queue.settle(id_, delivered(clock())) for id_ in reversed(ids)),
    )
    found = await store.find.message(taken.message_id)
    assert {it.recipient.status for it in found} == {RecipientStatus.DELIVERED}
    assert {len(it.events) for it in found} == {3}
