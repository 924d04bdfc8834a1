"""store/measures.py: what a process counts."""

import pytest

from store.events import Delivered, Opened
from store.ids import first_at
from store.measures import Histogram, Measures
from store.nouns import Verdict
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept, bounced, deferred, delivered


def test_a_bound_holds_what_is_equal_to_it() -> None:
    """Buckets count what is not above their bound, the last one everything."""
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.1):
        histogram.observe(value)
    assert histogram.buckets() == [2, 4, 5]
    assert histogram.sum == pytest.approx(7.1)


def test_the_whole_way_is_from_acceptance_to_250() -> None:
    """The message's id knows when it was accepted; a clock that jumped back makes it no less than nothing."""
    measures, at = Measures(), 1_790_000_000.0
    message = first_at(at)
    for after in (0.02, -5.0):
        measures.committed(1, 0.001, [Delivered(message_id=message, recipient_id=2, at=at + after)])
    assert measures.whole_way.sum == pytest.approx(0.02, abs=0.002)
    measures.committed(3, 0.002, [Opened(message_id=message, recipient_id=2, at=at, verdict=Verdict.PROXY)])
    assert measures.events == {("delivered", "", ""): 2, ("opened", "", "proxy"): 1}
    assert (measures.batch.sum, measures.batch.buckets()[-1]) == (5, 3)


async def test_what_is_committed_is_counted_once(store: Store, clock: Clock) -> None:
    """Each event, by kind and reason, in the process that committed it; what fails is not counted."""
    for decide in (delivered(clock()), bounced(clock()), deferred(clock(), clock() + 60)):
        taken = await accept(store, "ann@example.org", now=clock(), recipients=[])
        await store.queue.settle(taken.jobs[0].recipient_id, decide)
        await store.suppressions.lift("ann@example.org")
    counted = {kind: count for (kind, _, _), count in store.measures.events.items()}
    assert counted == {"accepted": 3, "delivered": 1, "bounced": 1, "deferred": 1}
    assert store.measures.events["bounced", "no_such_user", ""] == 1
    assert sum(store.measures.events.values()) == len(await store.journal.after(0))
    assert store.measures.commit.buckets()[-1] == store.measures.batch.buckets()[-1] > 0
