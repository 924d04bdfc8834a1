"""Nodes: numbers, lives, and who is dead."""

from store.claims import SHAKEN_AT_ONCE
from store.nodes import watch
from store.nouns import State
from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept

LEASE = 60.0


def look(beats: list[int], times: list[float]) -> list[bool]:
    """Look at one life at some times; whether it is called dead at each."""
    known, dead = {}, []
    for beat, now in zip(beats, times, strict=True):
        known, over = watch(known, {5: beat}, now, LEASE)
        dead.append(bool(over))
    return dead


def test_silence_for_a_lease_is_death() -> None:
    """A life whose beat did not grow for a whole lease of looks is over, at the limit and not before."""
    assert look([1, 1, 1, 1], [0, 20, 40, 59.9]) == [False, False, False, False]
    assert look([1, 1, 1, 1], [0, 20, 40, 60]) == [False, False, False, True]


def test_a_beat_is_life() -> None:
    """One beat starts the silence anew."""
    assert look([1, 1, 2, 2, 2, 2], [0, 40, 50, 70, 90, 109]) == [False] * 6


def test_a_jump_of_our_clock_kills_nobody() -> None:
    """After a gap as long as the lease, ahead or back, the watcher looks again before it judges (Q9)."""
    assert look([1, 1, 2], [0, 3600, 3620]) == [False, False, False]
    assert look([1, 1, 1, 2], [0, 40, -86_400, -86_380]) == [False, False, False, False]


async def test_two_nodes_have_two_numbers(store: Store, open_again: OpenAgain, engine: str) -> None:
    """Processes that live at the same time make ids of different nodes."""
    other = await open_again(serving=engine == "postgresql", name="other")
    await other.join()
    assert store.node != other.node


async def test_a_restart_is_another_life(store: Store, open_again: OpenAgain) -> None:
    """After a stop and a start the number is another, and ids go on growing."""
    before = store.ids.next()
    await store.close()
    again = await open_again()
    assert again.ids.next() != before


async def kill(store: Store) -> None:
    """End a store as kill -9 does: nothing is given back. The connections are closed so that no test leaks them."""
    assert store._heart is not None
    store._heart.cancel()
    store._closed = True
    await store._writer.stop()
    await store._connection.close()
    await store._reader.close()
    if store._segments:
        store._segments.close()
    if store._lock:
        store._lock.release()


async def let_a_lease_pass(store: Store, clock: Clock) -> int:
    """Look a few times as the relay does, while time passes; how many were taken over."""
    released = 0
    for _ in range(5):
        released += await store.queue.release_lapsed()
        clock.move(20)
    return released


async def test_3_what_a_dead_process_held_is_taken_over(
    store: Store, open_again: OpenAgain, engine: str, clock: Clock
) -> None:
    """Promise 3: after kill -9 the claims come back; on SQLite at the next start, on PostgreSQL after the lease."""
    taken = await accept(store, "ann@example.org", "bob@example.org", now=clock())
    await store.queue.mark_dot(taken.jobs[1].recipient_id)
    await kill(store)
    other = await open_again(name="other")
    if engine == "postgresql":
        assert (await other.queue.counts())[State.CLAIMED] == 2
        assert await let_a_lease_pass(other, clock) == 2
    (ann,) = await other.queue.claim_due(10)
    assert (ann.forward_path, ann.in_doubt) == ("ann@example.org", False)
    clock.move(600)
    (bob,) = await other.queue.claim_due(10)
    assert (bob.forward_path, bob.in_doubt) == ("bob@example.org", True)


async def test_q11_poison_is_held(store: Store, open_again: OpenAgain, engine: str, clock: Clock) -> None:
    """A recipient that three processes in a row die with is held, with an event that says so; others go on."""
    await accept(store, "poison@example.org", now=clock())
    for n in range(3):
        if n:
            assert [job.forward_path for job in await store.queue.claim_due(10)] == ["poison@example.org"]
        await kill(store)
        store = await open_again(name=f"life {n}")
        if engine == "postgresql":
            await let_a_lease_pass(store, clock)
    assert await store.queue.claim_due(10) == []
    (found,) = await store.find.by_address("poison@example.org")
    assert found.recipient.state is State.HELD
    assert found.events[-1].note.startswith("held: 3 times the process died")


async def test_q11_the_shaken_go_a_few_at_a_time(
    store: Store, open_again: OpenAgain, engine: str, clock: Clock
) -> None:
    """What one process died with comes back in small groups: thousands of innocents never become suspects."""
    await accept(store, *(f"m{n}@example.org" for n in range(2 * SHAKEN_AT_ONCE + 1)), now=clock())
    await kill(store)
    store = await open_again(name="next life")
    if engine == "postgresql":
        await let_a_lease_pass(store, clock)
    first = await store.queue.claim_due(500)
    assert len(first) == SHAKEN_AT_ONCE
    await accept(store, "fresh@example.org", now=clock(), hold=False)
    assert [job.forward_path for job in await store.queue.claim_due(500)] == ["fresh@example.org"]
    await store.queue.cancel([job.recipient_id for job in first[:10]])
    assert len(await store.queue.claim_due(500)) == 10
    assert await store.queue.claim_due(500) == []


async def test_q11_suspects_go_alone(store: Store, open_again: OpenAgain, engine: str, clock: Clock) -> None:
    """What two processes died with is claimed one at a time, so that the innocent are not held with the guilty."""
    await accept(store, *(f"m{n}@example.org" for n in range(3)), now=clock())
    for n in range(2):
        if n:
            assert len(await store.queue.claim_due(10)) == 3
        await kill(store)
        store = await open_again(name=f"life {n}")
        if engine == "postgresql":
            await let_a_lease_pass(store, clock)
    await accept(store, "fresh@example.org", now=clock(), hold=False)
    assert len(await store.queue.claim_due(10)) == 2  # the fresh one, and one suspect
    assert await store.queue.claim_due(10) == []
