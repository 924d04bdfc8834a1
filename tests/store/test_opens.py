"""Opens, by tracking mode."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Connection, text

from store.changes import Change
from store.events import Deferred, Expired
from store.nouns import Open, Reason, RecipientStatus, State, TrackingMode, Verdict
from store.open import Store
from store.open_facts import OpenFacts
from store.opens import AFTER_BOUNCE, AFTER_GIVING_UP, IN_DOUBT
from store.rows import Found
from tests.conftest import Clock
from tests.store.mail import Decide, accept, bounced, delivered, new_recipient


async def sent(store: Store, clock: Clock, mode: TrackingMode = TrackingMode.VERDICT) -> int:
    """A delivered recipient."""
    taken = await accept(store, now=clock(), recipients=[new_recipient(store, "ann@example.org", tracking=mode)])
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    return taken.jobs[0].recipient_id


def load(recipient_id: int, at: float, verdict: Verdict = Verdict.PERSON) -> Open:
    return Open(recipient_id=recipient_id, at=at, verdict=verdict, rule="a rule", address="192.0.2.7", agent="Mail/1")


async def found(store: Store, recipient_id: int) -> Found:
    it = await store.find.recipient(recipient_id)
    assert it is not None
    return it


async def rows(store: Store) -> list[tuple[str, str, str]]:
    def read(connection: Connection) -> list[tuple[str, str, str]]:
        return [(row.verdict, row.address, row.agent) for row in connection.execute(text('SELECT * FROM "open"'))]

    return await store._reader.run(read)


MODES = {
    TrackingMode.OFF: (RecipientStatus.DELIVERED, 0, 0, []),
    TrackingMode.COUNT: (RecipientStatus.DELIVERED, 0, 0, []),
    TrackingMode.VERDICT: (RecipientStatus.OPENED, 2, 2, [("person", "", "")] * 2),
    TrackingMode.FULL: (RecipientStatus.OPENED, 2, 2, [("person", "192.0.2.7", "Mail/1")] * 2),
}


@pytest.mark.parametrize("mode", TrackingMode)
async def test_what_each_mode_keeps(store: Store, clock: Clock, mode: TrackingMode) -> None:
    """Off and count keep nothing of a recipient, verdict what it was and when, full address and agent, too."""
    id_ = await sent(store, clock, mode)
    await store.opens.record([load(id_, clock() + 10)])
    await store.opens.record([load(id_, clock() + 100)])
    it = await found(store, id_)
    status, opens, events, kept = MODES[mode]
    assert (it.recipient.status, it.recipient.opens) == (status, opens)
    assert [event.kind for event in it.events] == ["accepted", "delivered"] + ["opened"] * events
    assert await rows(store) == kept
    if mode in (TrackingMode.VERDICT, TrackingMode.FULL):
        assert (it.recipient.opened_at, it.recipient.last_opened_at) == (clock() + 10, clock() + 100)


@pytest.mark.parametrize("verdict", Verdict)
async def test_only_a_person_opens(store: Store, clock: Clock, verdict: Verdict) -> None:
    """A prefetch, a scanner or a probe leaves an event and makes nobody Opened."""
    id_ = await sent(store, clock)
    assert await store.opens.record([load(id_, clock(), verdict)]) == 1
    it = await found(store, id_)
    assert (it.recipient.status is RecipientStatus.OPENED) == verdict.by_person
    assert it.recipient.opens == int(verdict.by_person)
    assert it.recipient.machine_opens == int(verdict in (Verdict.UNCERTAIN, Verdict.PREFETCH, Verdict.SCANNER))
    assert (it.events[-1].kind, it.events[-1].verdict, it.events[-1].rule) == ("opened", verdict, "a rule")


@pytest.mark.parametrize("mode", [TrackingMode.FULL, TrackingMode.VERDICT])
async def test_one_view(store: Store, clock: Clock, mode: TrackingMode) -> None:
    """Loads with the same verdict within the window are one view: in one batch, in two, at the limit and past it."""
    id_ = await sent(store, clock, mode)
    now = clock()
    assert await store.opens.record([load(id_, now), load(id_, now + 29.9)]) == 1
    assert await store.opens.record([load(id_, now + 29.9)]) == 0
    assert await store.opens.record([load(id_, now + 30)]) == 1
    assert await store.opens.record([load(id_, now + 31), load(id_, now + 31, Verdict.PREFETCH)]) == 1
    assert await store.opens.record([load(id_, now + 40)], view_window=5.0) == 1


async def test_an_open_after_a_bounce(store: Store, clock: Clock) -> None:
    """Both facts stay visible: the status is Bounced, the open has its time and its event."""
    id_ = await sent(store, clock)
    await store.queue.settle(id_, bounced(clock()))
    await store.opens.record([load(id_, clock() + 5)])
    it = await found(store, id_)
    assert (it.recipient.status, it.recipient.opened_at) == (RecipientStatus.BOUNCED, clock() + 5)
    assert (it.events[-1].kind, it.events[-1].note) == ("opened", AFTER_BOUNCE)


async def test_an_open_before_the_250(store: Store, clock: Clock) -> None:
    """An open that overtakes the outcome makes the status Opened, and the delivery that follows is still settled."""
    taken = await accept(store, "ann@example.org", now=clock())
    await store.opens.record([load(taken.jobs[0].recipient_id, clock())])
    it = await found(store, taken.jobs[0].recipient_id)
    assert it.recipient.status is RecipientStatus.OPENED


async def test_opt_out(store: Store, clock: Clock) -> None:
    """Who opted out is not followed: mails already sent keep no more, new ones are accepted with tracking off."""
    id_ = await sent(store, clock)
    assert not await store.opens.opt_out("ANN@example.org")
    assert await store.opens.record([load(id_, clock())]) == 0
    later = await accept(store, "ann@example.org", "bob@example.org", now=clock())
    assert [job.tracking for job in later.jobs] == [TrackingMode.OFF, TrackingMode.VERDICT]
    assert await store.opens.opt_in("ann@example.org")
    assert await store.opens.record([load(id_, clock())]) == 1


def expired(at: float, *, in_doubt: bool = True) -> Decide:
    """We give up, perhaps after a connection that was lost behind the final dot."""
    return Decide(
        lambda facts: Change(
            status=RecipientStatus.NOT_DELIVERED,
            state=State.SETTLED,
            reason=Reason.EXPIRED,
            in_doubt=in_doubt or None,
            events=(Expired(message_id=facts.message_id, recipient_id=facts.recipient_id, at=at),),
        )
    )


@pytest.mark.parametrize("mode", [TrackingMode.FULL, TrackingMode.VERDICT])
async def test_opened_after_we_gave_up(store: Store, clock: Clock, mode: TrackingMode) -> None:
    """The open proves that an earlier try arrived: Opened; that we gave up stays in reason and events."""
    taken = await accept(store, now=clock(), recipients=[new_recipient(store, "ann@example.org", tracking=mode)])
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, expired(clock()))
    await store.opens.record([load(id_, clock() + 5, Verdict.SCANNER)])
    assert (await found(store, id_)).recipient.status is RecipientStatus.NOT_DELIVERED
    await store.opens.record([load(id_, clock() + 100)])
    it = await found(store, id_)
    assert (it.recipient.status, it.recipient.reason) == (RecipientStatus.OPENED, Reason.EXPIRED)
    assert [event.kind for event in it.events if event.kind != "opened"] == ["accepted", "expired"]
    assert (it.events[-1].kind, it.events[-1].note) == ("opened", AFTER_GIVING_UP)


async def test_opened_after_a_person_stopped_it(store: Store, clock: Clock) -> None:
    """Cancelled too late: the mail was out. Both facts stay."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await store.queue.mark_dot(id_)
    await store.queue.cancel([id_])
    await store.opens.record([load(id_, clock() + 5)])
    it = await found(store, id_)
    assert it.recipient.status is RecipientStatus.OPENED
    assert [event.kind for event in it.events] == ["accepted", "cancelled", "opened"]
    assert it.events[-1].note == AFTER_GIVING_UP


async def test_opened_while_the_outcome_is_in_doubt(store: Store, clock: Clock) -> None:
    """Opened, and still to be tried: a judgement about a load must not keep a mail from its recipient (promise 4)."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    in_doubt = Decide(
        lambda facts: Change(
            state=State.DUE,
            next_attempt_at=clock() + 60,
            in_doubt=True,
            events=(Deferred(message_id=facts.message_id, recipient_id=facts.recipient_id, at=clock()),),
        )
    )
    await store.queue.settle(id_, in_doubt)
    await store.opens.record([load(id_, clock() + 5)])
    it = await found(store, id_)
    assert (it.recipient.status, it.recipient.state) == (RecipientStatus.OPENED, State.DUE)
    assert it.recipient.in_doubt
    assert it.events[-1].note == IN_DOUBT
    clock.move(60)
    assert [job.recipient_id for job in await store.queue.claim_due(10)] == [id_]


async def test_a_suppressed_one_is_never_opened(store: Store, clock: Clock) -> None:
    """No copy of it ever left, so what loads its pixel read another one."""
    await store.suppressions.add("ann@example.org")
    new = new_recipient(store, "ann@example.org")
    await accept(store, now=clock(), recipients=[new])
    await store.opens.record([load(new.id, clock() + 5)])
    it = await found(store, new.id)
    assert (it.recipient.status, it.recipient.reason) == (RecipientStatus.NOT_DELIVERED, Reason.SUPPRESSED)


async def test_unknown_and_none(store: Store) -> None:
    """Opens of nobody we know are left out; no opens are nothing."""
    assert await store.opens.record([load(4711, 1.0)]) == 0
    assert await store.opens.record([]) == 0


async def test_facts_for_the_judge(store: Store, clock: Clock) -> None:
    """When the receiver took it, whether that is settled or in doubt, and whether it was sent to oneself."""
    done = await sent(store, clock)
    waiting = (await accept(store, "bob@example.org", now=clock())).jobs[0].recipient_id
    self_sent = await accept(store, "Office@club.example", now=clock(), header_from="office@club.example")
    asked = [done, waiting, self_sent.jobs[0].recipient_id, 4711]
    told: list[Mapping[int, OpenFacts]] = []

    def judge(known: Mapping[int, OpenFacts]) -> list[Open]:
        told.append(known)
        return [load(done, clock() + 60)]

    assert await store.opens.judge_and_record(asked, judge) == 1
    [facts] = told
    assert (await found(store, done)).recipient.status is RecipientStatus.OPENED
    assert set(facts) == {done, waiting, self_sent.jobs[0].recipient_id}
    assert (facts[done].delivered_at, facts[done].settled) == (clock(), True)
    assert facts[done].seconds_since_delivery(clock() + 3) == 3.0
    assert facts[waiting].seconds_since_delivery(clock()) == float("-inf")
    assert [facts[id_].sender_is_recipient for id_ in (done, self_sent.jobs[0].recipient_id)] == [False, True]


@pytest.mark.parametrize("count", [250, 251, 600])
async def test_a_batch_of_any_size(store: Store, clock: Clock, count: int) -> None:
    """However many are read at a time, each recipient of a batch is known to the judge, and each view is written."""
    taken = await accept(store, *(f"member{n}@example.org" for n in range(count)), now=clock())
    ids = [job.recipient_id for job in taken.jobs]
    told: list[Mapping[int, OpenFacts]] = []

    def judge(known: Mapping[int, OpenFacts]) -> list[Open]:
        told.append(known)
        return [load(id_, clock() + 60) for id_ in ids]

    assert await store.opens.judge_and_record(ids, judge) == count
    assert set(told[0]) == set(ids)
    assert len(await rows(store)) == count


async def overview(store: Store, message_id: int) -> dict[str, object]:
    def read(connection: Connection) -> dict[str, object]:
        query = text("SELECT * FROM message_overview WHERE message_id = :id")
        return dict(connection.execute(query, {"id": message_id}).one()._mapping)

    return await store._reader.run(read)


async def test_mode_count_knows_no_recipient(store: Store, clock: Clock) -> None:
    """The token of the message, or an old one of a recipient: the message's numbers grow, and nothing of anybody."""
    modes = [TrackingMode.COUNT, TrackingMode.COUNT, TrackingMode.VERDICT]
    recipients = [new_recipient(store, f"a{n}@example.org", tracking=mode) for n, mode in enumerate(modes)]
    taken = await accept(store, now=clock(), recipients=recipients)
    for job in taken.jobs:
        await store.queue.settle(job.recipient_id, delivered(clock()))
    message_id, old, single = taken.message_id, taken.jobs[0].recipient_id, taken.jobs[2].recipient_id
    loads = [load(message_id, clock() + n) for n in (40, 41)]
    loads += [load(message_id, clock() + 42, verdict) for verdict in (Verdict.PREFETCH, Verdict.PROBE, Verdict.OWN)]
    assert await store.opens.record([*loads, load(old, clock() + 43), load(single, clock() + 44)]) == 7
    seen = await overview(store, message_id)
    assert [
        seen[name] for name in ("counted_together", "opens_counted_together", "automatic_loads_counted_together")
    ] == [2, 3, 1]
    assert (seen["received_and_tracked"], seen["opened"], seen["opened_percent"]) == (1, 1, 100.0)
    for job in taken.jobs[:2]:
        it = await found(store, job.recipient_id)
        assert (it.recipient.status, it.recipient.opens) == (RecipientStatus.DELIVERED, 0)
        assert (it.recipient.opened_at, it.recipient.last_opened_at, len(it.events)) == (None, None, 2)
    assert await rows(store) == [("person", "", "")]


WHO = ("192.0.2.7", "Mail/1", "Mail", "phone", "DE")


@pytest.mark.parametrize("mode", [TrackingMode.VERDICT, TrackingMode.FULL])
async def test_who_displayed_it_is_kept_in_mode_full(store: Store, clock: Clock, mode: TrackingMode) -> None:
    """Address, agent, program, device and country in mode full; in mode verdict the same open without them."""
    id_ = await sent(store, clock, mode)
    await store.opens.record([Open(id_, clock() + 60, Verdict.PERSON, "browser", *WHO)])
    kept = await store.opens.of(id_)
    assert kept == [
        Open(id_, clock() + 60, Verdict.PERSON, "browser", *(WHO if mode is TrackingMode.FULL else ("",) * 5))
    ]
    exported = await store.subjects.export("ann@example.org")
    assert [tuple(it[name] for name in ("client", "device", "country")) for it in exported["opens"]] == [kept[0][6:]]


async def test_who_displayed_it_goes_with_the_retention_and_with_an_erasure(store: Store, clock: Clock) -> None:
    """After the retention of opens nothing of it is left, nor after an erasure."""
    erased, old = [await sent(store, clock, TrackingMode.FULL) for _ in range(2)]
    for id_ in (erased, old):
        await store.opens.record([Open(id_, clock() + 60, Verdict.PERSON, "browser", *WHO)])
    clock.now += 31 * 86_400
    await store.retention.sweep(clock())
    assert await store.opens.of(old) == []
    await store.opens.record([Open(erased, clock(), Verdict.PERSON, "browser", *WHO)])
    await store.subjects.erase("ann@example.org", done_by="tester", everything=False)
    assert await store.opens.of(erased) == []
