"""store/domains.py: the domains that a sender's mail arrives at."""

from store.domains import KEPT, NEWEST
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept, bounced, delivered


async def arrive(store: Store, clock: Clock, domain: str, mails: int, credential: str = "app") -> None:
    taken = await accept(store, *(f"m{n}@{domain}" for n in range(mails)), now=clock(), credential=credential)
    for job in taken.jobs:
        await store.queue.settle(job.recipient_id, delivered(clock()))


async def test_the_most_used_first_and_each_senders_own(store: Store, clock: Clock) -> None:
    """Counted by mails that arrived; a domain used once or twice, or that gives mail back, is not one's own."""
    await arrive(store, clock, "often.example", 5)
    await arrive(store, clock, "most.example", 7)
    await arrive(store, clock, "twice.example", 2)
    await arrive(store, clock, "theirs.example", 9, "other")
    back = await accept(store, *(f"m{n}@back.example" for n in range(4)), now=clock())
    for job in back.jobs:
        await store.queue.settle(job.recipient_id, delivered(clock()))
        await store.queue.settle(job.recipient_id, bounced(clock()))
    assert await store.domains.most_used("app") == ["most.example", "often.example"]
    assert await store.domains.most_used("other") == ["theirs.example"]
    assert list(await store.domains.most_used("nobody")) == []


async def test_asked_once_in_a_while(store: Store, clock: Clock) -> None:
    """What was read is kept for its time, and read anew after it."""
    assert list(await store.domains.most_used("app")) == []
    await arrive(store, clock, "new.example", 3)
    assert list(await store.domains.most_used("app")) == []
    clock.move(KEPT)
    assert await store.domains.most_used("app") == ["new.example"]


async def test_the_look_is_bounded(store: Store, clock: Clock) -> None:
    """Only so many of the newest recipients are looked at, whatever the store holds."""
    await arrive(store, clock, "old.example", 3)
    await accept(store, *(f"m{n}@sending.example" for n in range(NEWEST)), now=clock(), hold=False)
    assert list(await store.domains.most_used("app")) == []
