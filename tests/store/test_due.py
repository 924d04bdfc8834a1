"""store/due.py: what is claimed, and what must not be in its way."""

from collections import Counter

import pytest

from store import due
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept


async def fill(store: Store, clock: Clock, domain: str, count: int) -> None:
    """Let ``count`` be due for a domain, a second after what was before."""
    clock.move(1)
    await accept(store, *(f"r{n}@{domain}" for n in range(count)), now=clock(), hold=False)


async def claimed(store: Store, limit: int, *excluded: str) -> list[str]:
    return [job.domain for job in await store.queue.claim_due(limit, exclude_domains=excluded)]


@pytest.fixture
def _short_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "HEAD", 10)


@pytest.mark.usefixtures("_short_head")
async def test_what_waits_behind_very_many_of_a_left_out_domain_is_found(store: Store, clock: Clock) -> None:
    """Wherever they lie in the order of time; the longest due domain first."""
    await fill(store, clock, "slow.test", 100)
    await fill(store, clock, "b.test", 2)
    await fill(store, clock, "slow.test", 100)
    await fill(store, clock, "a.test", 2)
    assert await claimed(store, 10, "slow.test") == ["b.test", "b.test", "a.test", "a.test"]
    assert await claimed(store, 10, "slow.test") == []
    assert await claimed(store, 300) == ["slow.test"] * 200


@pytest.mark.usefixtures("_short_head")
async def test_the_earliest_are_looked_at_one_by_one(store: Store, clock: Clock) -> None:
    """While there is one among them that is not left out, the order of time holds over all domains."""
    await fill(store, clock, "slow.test", 8)
    await fill(store, clock, "z.test", 1)
    await fill(store, clock, "a.test", 1)
    await fill(store, clock, "z.test", 1)
    assert await claimed(store, 10, "slow.test") == ["z.test", "a.test"]
    assert await claimed(store, 10, "slow.test") == ["z.test"]


@pytest.mark.usefixtures("_short_head")
async def test_from_domain_to_domain_each_gets_its_share(store: Store, clock: Clock) -> None:
    """Many of one do not take what is there for the others."""
    await fill(store, clock, "slow.test", 50)
    await fill(store, clock, "big.test", 100)
    for number in range(4):
        await fill(store, clock, f"small{number}.test", 3)
    counts = Counter(await claimed(store, 50, "slow.test"))
    assert counts == {"big.test": 10, **{f"small{number}.test": 3 for number in range(4)}}


@pytest.mark.usefixtures("_short_head")
async def test_what_is_due_later_is_not_found(store: Store, clock: Clock) -> None:
    """Nor is a domain whose earliest is due later."""
    await fill(store, clock, "slow.test", 20)
    await fill(store, clock, "later.test", 1)
    clock.move(-2)
    assert await claimed(store, 10, "slow.test") == []
    clock.move(2)
    assert await claimed(store, 10, "slow.test") == ["later.test"]


@pytest.mark.usefixtures("_short_head")
async def test_the_limit_holds(store: Store, clock: Clock) -> None:
    """With more domains than may be claimed: one of each, the longest due ones."""
    await fill(store, clock, "slow.test", 20)
    for number in range(9):
        await fill(store, clock, f"d{number}.test", 2)
    assert await claimed(store, 4, "slow.test") == [f"d{number}.test" for number in range(4)]


@pytest.mark.usefixtures("_short_head")
async def test_two_processes_share_what_is_due(store: Store, clock: Clock) -> None:
    """No recipient is claimed twice, by whichever way it was found."""
    await fill(store, clock, "slow.test", 20)
    await fill(store, clock, "a.test", 6)
    first = await store.queue.claim_due(4, exclude_domains={"slow.test"})
    second = await store.queue.claim_due(4, exclude_domains={"slow.test"})
    ids = [job.recipient_id for job in (*first, *second)]
    assert len(ids) == len(set(ids)) == 6
