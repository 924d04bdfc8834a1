"""store/transcripts.py: what was said is kept beside the outcome, for its own time."""

from store.open import Store
from store.transcripts import Transcript
from tests.conftest import Clock
from tests.store.mail import accept, deferred, delivered

DAY = 86_400.0


async def test_written_with_the_outcome(store: Store, clock: Clock) -> None:
    """One transaction for both; each attempt has its own, in order."""
    taken = await accept(store, "ann@a.test", "bob@a.test", now=clock())
    ann, bob = (job.recipient_id for job in taken.jobs)
    for said in ("first", "second \N{SNOWMAN}"):
        store.transcripts.keep(ann, clock(), said)
        await store.queue.settle(ann, deferred(clock(), clock() + 60))
    assert await store.transcripts.of(ann) == [
        Transcript(clock(), "first"),
        Transcript(clock(), "second \N{SNOWMAN}"),
    ]
    assert await store.transcripts.of(bob) == []


async def test_kept_for_its_own_time(store: Store, clock: Clock) -> None:
    """Seven days, while the recipient and its events stay."""
    taken = await accept(store, "ann@a.test", now=clock())
    id_ = taken.jobs[0].recipient_id
    store.transcripts.keep(id_, clock(), "said")
    await store.queue.settle(id_, delivered(clock()))
    await store.retention.sweep(clock())
    for _ in range(6):
        await store.retention.sweep(clock.move(DAY))
    assert len(await store.transcripts.of(id_)) == 1
    for _ in range(2):
        await store.retention.sweep(clock.move(DAY))
    assert await store.transcripts.of(id_) == []
    assert await store.find.recipient(id_) is not None


async def test_a_closed_store_loses_it_in_silence(store: Store, clock: Clock) -> None:
    """It is never worth an error."""
    await store.close()
    store.transcripts.keep(1, clock(), "said")
