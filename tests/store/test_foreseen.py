"""A delivery that was foreseen is written without reading, and never against what became known meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from bounce.decide import as_accepted, delivered
from store.changes import Change, RecipientFacts
from store.nouns import Attempt, Job, Phase, Reason, RecipientStatus, Reply, State
from store.open import Store
from store.schema import recipient
from tests.conftest import Clock
from tests.store.mail import accept, bounced, deferred

OK = Reply.make(250, None, "2.0.0 Ok: taken")


def attempt(job: Job, at: float) -> Attempt:
    return Attempt(
        recipient_id=job.recipient_id, at=at, phase=Phase.END_OF_DATA, reply=OK, remote_host="mx", tls="TLSv1.3"
    )


async def settle(store: Store, job: Job, at: float, *, foreseen: bool) -> tuple[Change | None, list[RecipientFacts]]:
    """Settle a delivery; the facts that the decision was asked about."""
    asked: list[RecipientFacts] = []
    tried = attempt(job, at)

    def decide(facts: RecipientFacts) -> Change:
        asked.append(facts)
        return delivered(facts, tried)

    change = delivered(as_accepted(job), tried) if foreseen else None
    return await store.queue.settle_soon(job.recipient_id, decide, with_history=False, foreseen=change), asked


async def row(store: Store, job: Job) -> dict[str, Any]:
    def read(connection: Any) -> dict[str, Any]:
        found = connection.execute(select(recipient).where(recipient.c.id == job.recipient_id)).one()
        return dict(found._mapping) | {"id": 0, "message_id": 0}

    return await store._reader.run(read)


async def test_it_leaves_what_the_decision_would_leave(store: Store, clock: Clock) -> None:
    """Each column of the row, and the events, are the same; the decision was not asked."""
    jobs = [(await accept(store, "ann@example.org", now=clock())).jobs[0] for _ in range(2)]
    clock.move(2)
    change, asked = await settle(store, jobs[0], clock(), foreseen=True)
    assert asked == []
    _, asked = await settle(store, jobs[1], clock(), foreseen=False)
    assert len(asked) == 1
    assert change is not None
    assert change.status is RecipientStatus.DELIVERED
    assert await row(store, jobs[0]) == await row(store, jobs[1])
    found = [(await store.find.recipient(job.recipient_id)) for job in jobs]
    events = [[replace(event, message_id=0, recipient_id=0) for event in it.events] for it in found if it]
    assert len(events[0]) == 2
    assert events[0] == events[1]


async def _cancel(store: Store, job: Job, _at: float) -> None:
    await store.queue.cancel([job.recipient_id])


async def _hold(store: Store, job: Job, _at: float) -> None:
    await store.queue.hold([job.recipient_id])


async def _bounce(store: Store, job: Job, at: float) -> None:
    await store.queue.settle(job.recipient_id, bounced(at))


async def _defer(store: Store, job: Job, at: float) -> None:
    await store.queue.settle(job.recipient_id, deferred(at, at))
    await store.queue.claim_due(10)


async def _doubt(store: Store, job: Job, _at: float) -> None:
    await store.queue.mark_dot(job.recipient_id)
    await store.queue.give_back([job.recipient_id])


async def _deliver(store: Store, job: Job, at: float) -> None:
    await settle(store, job, at, foreseen=True)


@pytest.mark.parametrize("meanwhile", [_cancel, _hold, _bounce, _defer, _doubt, _deliver])
async def test_what_became_known_meanwhile_is_decided_upon(
    store: Store, clock: Clock, meanwhile: Callable[[Store, Job, float], Awaitable[None]]
) -> None:
    """Then the facts are read and the decision is asked."""
    (job,) = (await accept(store, "ann@example.org", now=clock())).jobs
    await meanwhile(store, job, clock())
    change, asked = await settle(store, job, clock(), foreseen=True)
    assert [facts.recipient_id for facts in asked] == [job.recipient_id]
    assert change == delivered(asked[0], attempt(job, clock()))
    assert (await row(store, job))["state"] == State.SETTLED


async def test_a_proof_lifts_the_suppression(store: Store, clock: Clock) -> None:
    """A bounce's, when another mail to the address gets through; what a person put there stays."""
    addresses = ("a@b.test", "a@b.test", "c@d.test")
    one, two, three = [(await accept(store, address, now=clock())).jobs[0] for address in addresses]
    await store.queue.settle(two.recipient_id, bounced(clock(), Reason.MAILBOX_FULL, expires_at=clock() + 60))
    await store.suppressions.add("c@d.test")
    assert {entry.address for entry in await store.suppressions.list()} == {"a@b.test", "c@d.test"}
    for job in (one, three):
        await settle(store, job, clock(), foreseen=True)
    assert {entry.address for entry in await store.suppressions.list()} == {"c@d.test"}


async def test_two_words_about_one_recipient_are_decided_in_turn(store: Store, clock: Clock) -> None:
    """In one batch: neither is foreseen, since each is decided on what the one before left."""
    (job,) = (await accept(store, "ann@example.org", now=clock())).jobs
    tried = attempt(job, clock())
    foreseen = delivered(as_accepted(job), tried)
    asked: list[RecipientFacts] = []

    def decide(facts: RecipientFacts) -> Change:
        asked.append(facts)
        return delivered(facts, tried)

    first = store.queue.settle_soon(job.recipient_id, decide, foreseen=foreseen)
    second = store.queue.settle_soon(job.recipient_id, decide, foreseen=foreseen)
    await first
    change = await second
    assert [facts.delivered_at for facts in asked] == [None, clock()]
    assert change is not None
    assert change.events[0].note == "possible duplicate"
