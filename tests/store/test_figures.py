"""store/figures.py: how the store stands, on both engines."""

from dataclasses import replace

from store.nouns import State
from store.open import Store
from store.webhook_nouns import Webhook
from tests.conftest import Clock
from tests.store.mail import accept, bounced, delivered


async def test_what_waits_is_counted_by_state(store: Store, clock: Clock) -> None:
    """Due and claimed; what is settled is none of it. Suppressed addresses are counted."""
    await accept(store, "ann@example.org", "ben@example.org", now=clock())
    await accept(store, "cora@example.org", now=clock(), hold=False)
    taken = await accept(store, "dan@example.org", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, bounced(clock()))
    figures = await store.figures.read(clock())
    assert figures.queue == {State.DUE: 1, State.CLAIMED: 2, State.HELD: 0}
    assert figures.suppressions == 1
    assert figures.database > 0
    assert (figures.contents is not None and figures.contents > 0) == (store.dialect == "sqlite")
    assert (figures.free is not None and figures.free > 0) == (store.dialect == "sqlite")


async def test_webhooks_are_behind_by_their_oldest_event(store: Store, clock: Clock) -> None:
    """In a call that waits, or in the journal yet; one that was told of all is not behind, nor one that is off."""
    hooks = [await store.webhooks.create(Webhook(id=0, url="https://hooks.club.example/")) for _ in range(3)]
    off = await store.webhooks.change(hooks[2].id, lambda it: replace(it, enabled=False))
    assert off is not None
    taken = await accept(store, "ann@example.org", now=clock())
    clock.move(10)
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    last = await store.journal.last_position()
    await store.webhook_calls.add(hooks[0].id, seen=hooks[0].position, new=last, calls=[], now=clock())
    clock.move(5)
    told, behind, ended = (await store.figures.read(clock())).webhooks
    assert (told.state, told.waiting, told.lag) == ("on", 0, 0.0)
    assert (behind.state, behind.lag) == ("on", 15.0)
    assert (ended.state, ended.lag) == ("off", 0.0)
