"""store/waiting.py: what waits, as operators see it and point at it."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from store.nouns import RecipientStatus, State
from store.open import Store
from store.settle import Word
from store.sql import DUE
from store.waiting import _LATEST_DUE, Which
from tests.conftest import Clock
from tests.store.mail import accept, deferred, delivered


async def ids_of(store: Store, *addresses: str) -> list[int]:
    """The newest recipient of each address."""
    return [(await store.find.by_address(address))[0].recipient.recipient_id for address in addresses]


async def test_by_destination(store: Store, clock: Clock) -> None:
    """Counts by state, the oldest, the next attempt and the last reply; what is settled is not counted."""
    start = clock()
    first = await accept(store, "ann@big.test", "bob@big.test", "tim@big.test", now=start)
    ann, bob, _tim = (job.recipient_id for job in first.jobs)
    await store.queue.settle(ann, delivered(start))
    clock.move(60)
    await store.queue.settle(bob, deferred(clock(), clock() + 300))
    await accept(store, "eve@small.test", now=clock(), hold=False)
    await store.queue.hold(await ids_of(store, "eve@small.test"), note="asked by phone")
    big, small = await store.waiting.by_destination()
    assert (big.domain, big.due, big.claimed, big.held) == ("big.test", 1, 1, 0)
    assert (big.oldest_at, big.next_attempt_at) == (start, clock() + 300)
    assert (small.domain, small.due, small.claimed, small.held) == ("small.test", 0, 0, 1)
    assert (small.next_attempt_at, small.last_reply) == (None, "asked by phone")
    assert [it.domain for it in await store.waiting.by_destination(limit=1)] == ["big.test"]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Which(), ["ann@a.test", "bob@a.test", "ann@b.test"]),
        (Which(domain="a.test"), ["ann@a.test", "bob@a.test"]),
        (Which(address="Ann@B.test"), ["ann@b.test"]),
        (Which(domain="a.test", state=State.HELD), ["bob@a.test"]),
        (Which(domain="c.test"), []),
        (Which(state=State.CLAIMED), []),
    ],
)
async def test_which_are_meant(store: Store, clock: Clock, which: Which, found: Sequence[str]) -> None:
    """By address, domain and state; never one that is settled."""
    await accept(store, "ann@a.test", "bob@a.test", now=clock(), hold=False)
    await accept(store, "ann@b.test", now=clock(), hold=False)
    gone = await accept(store, "gone@a.test", now=clock())
    await store.queue.settle(gone.jobs[0].recipient_id, delivered(clock()))
    await store.queue.hold(await ids_of(store, "bob@a.test"))
    rows = await store.waiting.recipients(which)
    assert [row.forward_path for row in rows] == found
    assert sorted(await store.waiting.ids(which)) == [row.recipient_id for row in rows]


async def test_by_message_and_by_id(store: Store, clock: Clock) -> None:
    """A message's recipients, or one."""
    taken = await accept(store, "ann@a.test", "bob@a.test", now=clock(), hold=False)
    await accept(store, "tim@a.test", now=clock(), hold=False)
    several = await store.waiting.ids(Which(message_id=taken.message_id))
    assert len(several) == 2
    assert await store.waiting.ids(Which(recipient_id=several[0])) == several[:1]
    assert len(await store.waiting.recipients(Which(), limit=2)) == 2


async def test_what_is_asked_for_goes_first(store: Store, clock: Clock) -> None:
    """Retry: due now whatever its time was, before all others, marked as asked for; with its event."""
    taken = await accept(store, "late@a.test", now=clock())
    late = taken.jobs[0].recipient_id
    await store.queue.settle(late, deferred(clock(), clock() + 7200))
    await accept(store, "ann@a.test", now=clock(), hold=False)
    assert await store.queue.say(Word.RETRY, [late, 4711]) == 1
    (one,) = await store.waiting.by_destination()
    assert one.next_attempt_at == clock()
    assert (await store.waiting.recipients(Which(address="late@a.test")))[0].next_attempt_at is None
    jobs = await store.queue.claim_due(10)
    assert [(job.forward_path, job.asked) for job in jobs] == [("late@a.test", True), ("ann@a.test", False)]
    found = await store.find.recipient(late)
    assert found is not None
    assert (found.events[-1].note, found.events[-1].next_attempt_at) == ("an operator asked to try now", clock())
    assert found.recipient.status is RecipientStatus.SENDING
    assert await store.queue.say(Word.RETRY, [late]) == 0  # it is being tried


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_domain_is_found_by_its_index(store: Store) -> None:
    """However many wait, the index of what is due by domain serves."""
    assert str(DUE) == "'due'"

    def plan(connection: Connection) -> str:
        sql = str(_LATEST_DUE.compile(connection, compile_kwargs={"render_postcompile": True}))
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("a.test", 1, 0)).all()
        return " ".join(str(row[3]) for row in rows)

    assert "recipient_due_domain" in await store._reader.run(plan)
