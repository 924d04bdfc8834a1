"""The queue's invariants, by their numbers in store/queue.py, and the promises of design.md that it keeps."""

import asyncio

import pytest

from store.changes import Change, RecipientFacts
from store.errors import ClaimLost
from store.events import Cancelled
from store.nouns import Reason, RecipientStatus, State
from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import CONTENT, accept, bounced, deferred, delivered, new_recipient


async def test_1_what_was_accepted_is_there(store: Store, clock: Clock) -> None:
    """Message, content, recipients and accepted events are in the store when accept returns (promise 1)."""
    taken = await accept(store, "ann@example.org", "bob@example.com", now=clock(), subject="Invoice 7")
    assert [job.forward_path for job in taken.jobs] == ["ann@example.org", "bob@example.com"]
    assert await store.contents.read(taken.jobs[0].content) == CONTENT
    found = await store.find.message(taken.message_id)
    assert {it.recipient.subject for it in found} == {"Invoice 7"}
    assert [[event.kind for event in it.events] for it in found] == [["accepted"], ["accepted"]]
    assert await store.queue.counts() == {State.DUE: 0, State.CLAIMED: 2, State.HELD: 0, State.SETTLED: 0}


async def test_1_a_job_needs_no_read_back(store: Store, clock: Clock) -> None:
    """The job that accept gives is the one that claim_due gives for the same recipient."""
    more = {"prepended": b"Received: x\r\n", "envelope_id": "e", "ret": "HDRS", "smtputf8": True, "eight_bit": True}
    new = new_recipient(store, "ann@example.org", notify="NEVER", original_recipient="rfc822;a@b")
    taken = await accept(store, now=clock(), recipients=[new], **more)
    await store.queue.give_back([new.id])
    assert await store.queue.claim_due(10) == taken.jobs


async def test_1_not_held_is_due(store: Store, clock: Clock) -> None:
    """With hold=False a recipient is due at once, and anybody may claim it."""
    taken = await accept(store, "ann@example.org", now=clock(), hold=False)
    assert taken.jobs == []
    assert await store.queue.next_due_at() == clock()
    (job,) = await store.queue.claim_due(10)
    assert job.message_id == taken.message_id


async def test_1_one_message_to_many(store: Store, clock: Clock) -> None:
    """A thousand recipients in one message are all there, each with its event, in the order given."""
    addresses = [f"member{n}@example.org" for n in range(1000)]
    taken = await accept(store, *addresses, now=clock())
    assert [job.forward_path for job in taken.jobs] == addresses
    records = await store.journal.after(0, limit=2000)
    assert [record.forward_path for record in records] == addresses


async def test_1_idempotency_key(store: Store, clock: Clock) -> None:
    """A key known from the last 24 hours stores nothing and names the first message; other credentials are apart."""
    first = await accept(store, "ann@example.org", now=clock(), idempotency_key="k1")
    again = await accept(store, "ann@example.org", now=clock(), idempotency_key="k1")
    other = await accept(store, "ann@example.org", now=clock(), idempotency_key="k1", credential="other")
    assert (again.message_id, again.repeated, again.jobs) == (first.message_id, True, [])
    assert not other.repeated
    clock.move(86_401)
    later = await accept(store, "ann@example.org", now=clock(), idempotency_key="k1")
    assert not later.repeated
    assert len(await store.find.by_address("ann@example.org")) == 3


async def test_1_idempotency_key_at_the_same_time(
    store: Store, open_again: OpenAgain, engine: str, clock: Clock
) -> None:
    """Of several with one key at once, in one process or (PostgreSQL) in two, one is stored."""
    stores = [store, await open_again(name="other")] if engine == "postgresql" else [store]
    taken = await asyncio.gather(
        *(accept(stores[n % len(stores)], "ann@example.org", now=clock(), idempotency_key="k") for n in range(8))
    )
    assert len({it.message_id for it in taken}) == 1
    assert sum(not it.repeated for it in taken) == 1
    assert len(await store.find.by_address("ann@example.org")) == 1


@pytest.mark.parametrize(("wait", "note"), [(599.0, "possible duplicate"), (601.0, "")])
async def test_1_the_same_mail_again(store: Store, clock: Clock, wait: float, note: str) -> None:
    """The same Message-ID to the same address within ten minutes is taken, and its event says so (S33)."""
    await accept(store, "ann@example.org", now=clock(), header_message_id="x@club.example")
    clock.move(wait)
    again = await accept(store, "ann@example.org", "bob@example.org", now=clock(), header_message_id="x@club.example")
    notes = {it.recipient.forward_path: it.events[0].note for it in await store.find.message(again.message_id)}
    assert notes == {"ann@example.org": note, "bob@example.org": ""}


async def test_2_suppressed_recipients_are_settled_at_once(store: Store, clock: Clock) -> None:
    """They get their accepted and suppressed events, name what caused it, and are never claimed."""
    first = await accept(store, "Ann@Example.org", now=clock())
    await store.queue.settle(first.jobs[0].recipient_id, bounced(clock()))
    second = await accept(store, "ann@example.ORG", "bob@example.org", now=clock())
    assert [job.forward_path for job in second.jobs] == ["bob@example.org"]
    ann = next(it for it in await store.find.message(second.message_id) if it.recipient.reason is not None)
    assert ann.recipient.status is RecipientStatus.NOT_DELIVERED
    assert ann.recipient.state is State.SETTLED
    assert ann.recipient.reason is Reason.SUPPRESSED
    assert ann.recipient.caused_by == first.jobs[0].recipient_id
    assert ann.recipient.caused_reason is Reason.NO_SUCH_USER
    assert [(event.kind, event.caused_by) for event in ann.events] == [
        ("accepted", None),
        ("suppressed", first.jobs[0].recipient_id),
    ]


async def test_2_suppression_that_is_over_or_overruled(store: Store, clock: Clock) -> None:
    """An expired suppression stops nothing, and neither does one that the application overrules."""
    first = await accept(store, "ann@example.org", now=clock())
    await store.queue.settle(first.jobs[0].recipient_id, bounced(clock(), expires_at=clock() + 100))
    forced = new_recipient(store, "ann@example.org", ignore_suppression=True)
    assert (await accept(store, now=clock(), recipients=[forced])).jobs
    assert not (await accept(store, "ann@example.org", now=clock())).jobs
    clock.move(101)
    assert (await accept(store, "ann@example.org", now=clock())).jobs


async def test_2_due_in_order_of_time(store: Store, clock: Clock) -> None:
    """claim_due gives what is longest due first, nothing that is not due yet, nothing twice, no excluded domain."""
    for n, wait in enumerate((30.0, 10.0, 20.0, 1000.0)):
        taken = await accept(store, f"a{n}@d{n}.example", now=clock())
        await store.queue.settle(taken.jobs[0].recipient_id, deferred(clock(), clock() + wait))
    assert await store.queue.claim_due(10) == []
    assert await store.queue.next_due_at() == clock() + 10.0
    clock.move(31)
    claimed = await store.queue.claim_due(1, exclude_domains=["d1.example"])
    assert [job.domain for job in claimed] == ["d2.example"]
    assert claimed[0].attempts == 1
    assert [job.domain for job in await store.queue.claim_due(10)] == ["d1.example", "d0.example"]
    assert await store.queue.claim_due(10) == []


async def test_3_outcome_and_event_are_one(store: Store, clock: Clock) -> None:
    """A settlement whose decision raises changes nothing, writes no event, and fails no other (promise 2)."""
    taken = await accept(store, "ann@example.org", "bob@example.org", now=clock())
    ann, bob = (job.recipient_id for job in taken.jobs)

    def broken(_facts: RecipientFacts) -> Change | None:
        raise LookupError("a mistake of ours")

    outcomes = await asyncio.gather(
        store.queue.settle(ann, broken), store.queue.settle(bob, delivered(clock())), return_exceptions=True
    )
    assert isinstance(outcomes[0], LookupError)
    assert isinstance(outcomes[1], Change)
    rows = {it.recipient.recipient_id: it for it in await store.find.message(taken.message_id)}
    assert rows[ann].recipient.state is State.CLAIMED
    assert [event.kind for event in rows[ann].events] == ["accepted"]
    assert rows[bob].recipient.status is RecipientStatus.DELIVERED
    assert [event.kind for event in rows[bob].events] == ["accepted", "delivered"]
    assert rows[bob].recipient.attempts == 1


async def test_3_no_change_and_no_recipient(store: Store, clock: Clock) -> None:
    """A decision of None changes nothing; an unknown recipient gives None and is not decided."""
    taken = await accept(store, "ann@example.org", now=clock())
    before = await store.find.recipient(taken.jobs[0].recipient_id)
    assert await store.queue.settle(taken.jobs[0].recipient_id, lambda _: None) is None
    assert await store.find.recipient(taken.jobs[0].recipient_id) == before
    assert await store.queue.settle(4711, delivered(clock())) is None


async def test_3_several_of_one_recipient_at_once(store: Store, clock: Clock) -> None:
    """Each is decided on what the one before left, also within one transaction: no update is lost."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await asyncio.gather(*(store.queue.settle(id_, lambda _: Change(count_attempt=True)) for _ in range(20)))
    found = await store.find.recipient(id_)
    assert found is not None
    assert found.recipient.attempts == 20


async def test_3_a_persons_word(store: Store, clock: Clock) -> None:
    """Cancel, hold and release move what they fit, and each leaves an event."""
    taken = await accept(store, "ann@example.org", "bob@example.org", now=clock(), hold=False)
    ann, bob = (it.recipient.recipient_id for it in reversed(await store.find.message(taken.message_id)))
    assert await store.queue.hold([ann, bob]) == 2
    assert await store.queue.claim_due(10) == []
    assert await store.queue.cancel([bob, 4711], note="asked by phone") == 1
    assert await store.queue.release([ann, bob]) == 1
    assert [job.recipient_id for job in await store.queue.claim_due(10)] == [ann]
    found = await store.find.recipient(bob)
    assert found is not None
    assert found.recipient.status is RecipientStatus.NOT_DELIVERED
    assert isinstance(found.events[-1], Cancelled)
    assert found.events[-1].note == "asked by phone"


async def test_4_given_back_is_due(store: Store, clock: Clock) -> None:
    """What is given back is due at the time told, with no event and no counted attempt."""
    taken = await accept(store, "ann@example.org", now=clock())
    await store.queue.give_back([taken.jobs[0].recipient_id], next_attempt_at=clock() + 5)
    assert await store.queue.claim_due(10) == []
    clock.move(5)
    (job,) = await store.queue.claim_due(10)
    assert (job.attempts, job.in_doubt) == (0, False)
    assert len(await store.journal.after(0)) == 1


async def test_4_closing_gives_all_back(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """After an orderly stop everything that was claimed is due at once (promise 3)."""
    await accept(store, "ann@example.org", "bob@example.org", now=clock())
    await store.close()
    other = await open_again()
    assert len(await other.queue.claim_due(10)) == 2


async def test_4_no_dot_without_a_claim(store: Store, clock: Clock) -> None:
    """The final dot is refused for what is given back, settled, cancelled, or never was ours."""
    taken = await accept(store, "a@example.org", "b@example.org", "c@example.org", "d@example.org", now=clock())
    ours, back, done, stopped = (job.recipient_id for job in taken.jobs)
    await store.queue.give_back([back])
    await store.queue.settle(done, delivered(clock()))
    await store.queue.cancel([stopped])
    tries = await asyncio.gather(*map(store.queue.mark_dot, (ours, back, done, stopped, 4711)), return_exceptions=True)
    assert [type(it) for it in tries] == [type(None), ClaimLost, ClaimLost, ClaimLost, ClaimLost]


async def test_5_in_doubt_after_the_dot(store: Store, clock: Clock) -> None:
    """Given back behind its final dot, a recipient comes no earlier than ten minutes after it, in doubt."""
    taken = await accept(store, "ann@example.org", now=clock())
    await store.queue.mark_dot(taken.jobs[0].recipient_id)
    clock.move(5)
    await store.queue.give_back([taken.jobs[0].recipient_id])
    clock.move(594)
    assert await store.queue.claim_due(10) == []
    clock.move(1)
    (job,) = await store.queue.claim_due(10)
    assert job.in_doubt


async def test_5_a_known_outcome_leaves_no_doubt(store: Store, clock: Clock) -> None:
    """A reply behind the dot ends the doubt: the next try is when the schedule says."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await store.queue.mark_dot(id_)
    await store.queue.settle(id_, deferred(clock(), clock() + 60))
    clock.move(60)
    (job,) = await store.queue.claim_due(10)
    assert not job.in_doubt


async def test_6_late_outcomes_bring_nothing_back(store: Store, clock: Clock) -> None:
    """A deferral that comes after a person cancelled keeps its event and moves nothing."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await store.queue.cancel([id_])
    await store.queue.settle(id_, deferred(clock(), clock() + 60))
    clock.move(100)
    assert await store.queue.claim_due(10) == []
    found = await store.find.recipient(id_)
    assert found is not None
    assert [event.kind for event in found.events] == ["accepted", "cancelled", "deferred"]


async def test_settled_keeps_what_it_was_told(store: Store, clock: Clock) -> None:
    """Every column that a change names is written; a later change leaves what it does not name."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    change = Change(
        status=RecipientStatus.DELIVERED,
        state=State.SETTLED,
        rule="r",
        last_reply="250 ok",
        remote_host="mx.example.org",
        remote_address="192.0.2.1",
        tls="TLSv1.3",
        delivered_at=clock(),
    )
    await store.queue.settle(id_, lambda _: change)
    await store.queue.settle(id_, lambda _: Change(mistyped=False, permanent=False))
    found = await store.find.recipient(id_)
    assert found is not None
    row = found.recipient
    assert (row.rule, row.last_reply, row.remote_host, row.remote_address) == (
        "r",
        "250 ok",
        "mx.example.org",
        "192.0.2.1",
    )
    assert (row.tls, row.delivered_at, row.settled_at) == ("TLSv1.3", clock(), clock())
    assert (row.mistyped, row.permanent, row.status) == (False, False, RecipientStatus.DELIVERED)


async def test_times_of_a_wrong_clock_are_brought_forward(store: Store, clock: Clock) -> None:
    """What is due beyond anything a schedule gives comes from a clock that was wrong, and waits no longer (Q9)."""
    taken = await accept(store, "ann@example.org", now=clock())
    await store.queue.give_back([taken.jobs[0].recipient_id], next_attempt_at=clock() + 365 * 86_400)
    assert await store.queue.clamp(3600) == 1
    assert await store.queue.next_due_at() == clock() + 3600
