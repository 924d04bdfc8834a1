"""Final dots beside SQLite: known after any death (promise 4), and never against a person's word."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import dots
from store.dots import UNHEARD, Dots
from store.errors import ClaimLost, StoreUnavailable
from store.nouns import Job, State
from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept, delivered
from tests.store.test_nodes import kill


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Dots]:
    made = Dots(tmp_path / "dots")
    yield made
    made.close()


async def taken(store: Store, clock: Clock) -> Job:
    (job,) = (await accept(store, "ann@example.org", now=clock())).jobs
    return job


def noted(ours: Dots) -> dict[int, float]:
    return {id_: at for file in ours._noted() for id_, at in file.dots.items()}


def test_a_dot_is_in_the_file_until_it_is_cleared(ours: Dots) -> None:
    """Whoever reads the file finds id and time; a second mark of the same recipient is the store's affair."""
    heard = ours.heard(5)
    assert ours.mark(1, heard, 10.5)
    assert ours.mark(2, heard, 11.5)
    assert not ours.mark(2, heard, 12.5)
    assert noted(ours) == {1: 10.5, 2: 11.5}
    ours.clear(1)
    ours.clear(3)
    assert noted(ours) == {2: 11.5}


def test_there_are_so_many_slots(ours: Dots) -> None:
    """One more is refused, and a slot that is cleared is used again."""
    heard = ours.heard(5)
    assert all(ours.mark(n, heard, 1.0) for n in range(1, dots._SLOTS + 1))
    assert not ours.mark(99_999, heard, 1.0)
    ours.clear(7)
    assert ours.mark(99_999, heard, 1.0)
    assert len(noted(ours)) == dots._SLOTS


def test_a_word_is_heard(ours: Dots, tmp_path: Path) -> None:
    """What was claimed before a word, by whichever process, asks the store; what is claimed after it need not."""
    before = ours.heard(5)
    Dots(tmp_path / "dots").announce()
    assert not ours.mark(1, before, 1.0)
    assert noted(ours) == {}
    assert ours.mark(1, ours.heard(5), 1.0)


def test_another_life_has_another_file(ours: Dots) -> None:
    """Claims of the life before ask the store."""
    before = ours.heard(5)
    assert ours.heard(6) != before
    assert not ours.mark(1, before, 1.0)
    ours.forget([5])
    assert [path.name for path in ours._files()] == ["6"]


def test_without_a_directory_the_store_is_asked() -> None:
    """On PostgreSQL."""
    none = Dots(None)
    assert none.heard(5) == UNHEARD
    assert not none.mark(1, UNHEARD, 1.0)
    none.announce()
    none.forget(None)


def test_without_room_for_a_file_the_store_is_asked(tmp_path: Path) -> None:
    """A directory that cannot be made ends nothing."""
    (tmp_path / "dots").write_text("no directory")
    none = Dots(tmp_path / "dots")
    assert none.heard(5) == UNHEARD
    assert not none.mark(1, none.heard(5), 1.0)


def test_damaged_files_are_passed_over(ours: Dots, tmp_path: Path) -> None:
    """Whatever lies there, nothing raises."""
    assert ours.mark(1, ours.heard(5), 1.0)
    for name, octets in (("7", b""), ("8", b"x" * 100_000), ("9", dots._MAGIC), ("x", b"HmgDots1" + bytes(9000))):
        (tmp_path / "dots" / name).write_bytes(octets)
    ours.announce()
    assert noted(ours) == {1: 1.0}


async def test_4_after_the_death_of_the_process_it_is_in_doubt(
    store: Store, open_again: OpenAgain, clock: Clock
) -> None:
    """It comes ten minutes after its dot as a possible duplicate; what had no dot comes at once."""
    job, other = await taken(store, clock), await taken(store, clock)
    assert store.queue.mark_dot_at_once(job)
    await kill(store)
    clock.move(5)
    again = await open_again(name="again")
    assert [it.recipient_id for it in await again.queue.claim_due(10)] == [other.recipient_id]
    clock.move(595)
    (found,) = await again.queue.claim_due(10)
    assert (found.recipient_id, found.in_doubt) == (job.recipient_id, True)
    assert [path.name for path in again._dots._files()] == [str(again._nodes.life)]


@pytest.mark.parametrize("lost", ["power", "file"])
async def test_4_where_dots_may_be_missing_all_is_in_doubt(
    store: Store, open_again: OpenAgain, clock: Clock, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a loss of power mapped memory is lost: what was claimed may have left us."""
    job = await taken(store, clock)
    await kill(store)
    if lost == "power":
        monkeypatch.setattr(dots, "_boot_id", lambda: b"another run".ljust(40))
    else:
        store._dots.forget(None)
        store._dots.leave()
    again = await open_again(name="again")
    assert await again.queue.claim_due(10) == []
    clock.move(600)
    (found,) = await again.queue.claim_due(10)
    assert (found.recipient_id, found.in_doubt) == (job.recipient_id, True)


async def test_4_given_back_behind_the_dot(store: Store, clock: Clock) -> None:
    """At the stop, say: in doubt, ten minutes later, and the slot is free."""
    job = await taken(store, clock)
    assert store.queue.mark_dot_at_once(job)
    await store.queue.give_back([job.recipient_id])
    assert noted(store._dots) == {}
    assert await store.queue.claim_due(10) == []
    clock.move(600)
    assert (await store.queue.claim_due(10))[0].in_doubt


async def test_4_an_outcome_frees_the_slot(store: Store, clock: Clock) -> None:
    """Only behind its commit."""
    job = await taken(store, clock)
    assert store.queue.mark_dot_at_once(job)
    assert noted(store._dots) == {job.recipient_id: clock()}
    await store.queue.settle(job.recipient_id, delivered(clock()))
    assert noted(store._dots) == {}


@pytest.mark.parametrize("by_tool", [True, False])
async def test_a_word_keeps_the_dot_back(store: Store, open_again: OpenAgain, clock: Clock, *, by_tool: bool) -> None:
    """What a person cancels in another process, or in this one, is not delivered behind their back."""
    job, other = await taken(store, clock), await taken(store, clock)
    teller = await open_again(serving=False) if by_tool else store
    assert await teller.queue.cancel([job.recipient_id]) == 1
    assert not store.queue.mark_dot_at_once(job)
    with pytest.raises(ClaimLost):
        await store.queue.mark_dot(job.recipient_id)
    assert not store.queue.mark_dot_at_once(other)
    await store.queue.mark_dot(other.recipient_id)


async def test_a_word_finds_the_dot(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """Held behind its dot it is in doubt: the other side may have it."""
    job = await taken(store, clock)
    assert store.queue.mark_dot_at_once(job)
    tool = await open_again(serving=False)
    assert await tool.queue.hold([job.recipient_id]) == 1
    assert await tool.queue.release([job.recipient_id]) == 1
    (found,) = await store.queue.claim_due(10)
    assert found.in_doubt


async def test_4_only_where_the_store_was_just_written(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the dot asks the store, so that nothing is delivered that cannot be crossed off."""
    job, other = await taken(store, clock), await taken(store, clock)
    assert store.queue.mark_dot_at_once(job)
    monkeypatch.setattr("store.writer._PROVEN", 0.0)
    assert not store.queue.mark_dot_at_once(other)
    monkeypatch.undo()
    run = store._connection.run

    async def full(_work: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store._connection, "run", full)
    with pytest.raises(StoreUnavailable):
        await store.queue.mark_dot(other.recipient_id)
    monkeypatch.setattr(store._connection, "run", run)
    assert not store.queue.mark_dot_at_once(other)


async def test_a_tool_leaves_the_files_of_the_relay_alone(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """It opens and closes beside it, and the relay's dots stay."""
    job = await taken(store, clock)
    assert store.queue.mark_dot_at_once(job)
    tool = await open_again(serving=False)
    await asyncio.gather(tool.queue.counts(), tool.join())
    await tool.close()
    assert noted(store._dots) == {job.recipient_id: clock()}
    assert (await store.queue.counts())[State.CLAIMED] == 1
    await store.close()
    assert list(store._dots._files()) == []
