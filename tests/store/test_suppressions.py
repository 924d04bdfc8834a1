"""Suppressions: who stops them, who lifts them."""

import pytest

from store.nouns import Reason
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept, bounced, delivered, new_recipient


async def fails(store: Store, clock: Clock, reason: Reason, expires_at: float | None = None) -> int:
    """A mail to ann that comes back; the id of its recipient."""
    new = new_recipient(store, "ann@example.org", ignore_suppression=True)
    await accept(store, now=clock(), recipients=[new])
    await store.queue.settle(new.id, bounced(clock(), reason, expires_at=expires_at))
    return new.id


async def arrives(store: Store, clock: Clock) -> None:
    new = new_recipient(store, "ann@example.org", ignore_suppression=True)
    await accept(store, now=clock(), recipients=[new])
    await store.queue.settle(new.id, delivered(clock()))


async def test_the_first_cause_stays(store: Store, clock: Clock) -> None:
    """A second failure does not take the place of the first, unless its suppression lasts longer."""
    first = await fails(store, clock, Reason.MAILBOX_FULL, clock() + 100)
    await fails(store, clock, Reason.MAILBOX_FULL, clock() + 50)
    it = await store.suppressions.get("ANN@example.org")
    assert it is not None
    assert (it.caused_by, it.expires_at) == (first, clock() + 100)
    longer = await fails(store, clock, Reason.NO_SUCH_USER)
    await fails(store, clock, Reason.ACCOUNT_DISABLED, clock() + 10_000)
    it = await store.suppressions.get("ann@example.org")
    assert it is not None
    assert (it.caused_by, it.reason, it.expires_at) == (longer, Reason.NO_SUCH_USER, None)


@pytest.mark.parametrize("reason", [Reason.NO_SUCH_USER, Reason.MAILBOX_FULL, Reason.COMPLAINT, Reason.ADDRESS_INVALID])
async def test_a_delivery_lifts_what_it_proves_wrong(store: Store, clock: Clock, reason: Reason) -> None:
    """A later delivery lifts a missing user and a full mailbox; never a complaint."""
    await fails(store, clock, reason)
    await arrives(store, clock)
    lifted = await store.suppressions.get("ann@example.org") is None
    assert lifted == (reason in (Reason.NO_SUCH_USER, Reason.MAILBOX_FULL))


async def test_a_delivery_never_overrules_a_person(store: Store, clock: Clock) -> None:
    """What a person added only a person lifts."""
    await store.suppressions.add("Ann@Example.org", Reason.NO_SUCH_USER, "asked by phone")
    await arrives(store, clock)
    it = await store.suppressions.get("ann@example.org")
    assert it is not None
    assert (it.address, it.note, it.caused_by) == ("Ann@Example.org", "asked by phone", None)
    assert await store.suppressions.lift("ann@EXAMPLE.org")
    assert not await store.suppressions.lift("ann@example.org")
    assert await store.suppressions.get("ann@example.org") is None


@pytest.mark.parametrize("reason", [Reason.NO_SUCH_USER, Reason.MAILBOX_FULL])
async def test_a_complaint_outranks_a_failure_and_no_delivery_lifts_it(
    store: Store, clock: Clock, reason: Reason
) -> None:
    """Whichever came first: the address stays suppressed for the complaint, whatever arrives or fails afterwards."""
    expires_at = clock() + 100 if reason is Reason.MAILBOX_FULL else None
    await fails(store, clock, reason, expires_at)
    complained = await fails(store, clock, Reason.COMPLAINT)
    await fails(store, clock, reason, expires_at)
    await arrives(store, clock)
    clock.move(1_000)
    it = await store.suppressions.get("ann@example.org")
    assert it is not None
    assert (it.reason, it.caused_by, it.expires_at) == (Reason.COMPLAINT, complained, None)


async def test_a_complaint_does_not_overrule_a_person(store: Store, clock: Clock) -> None:
    """What a person put there keeps their words."""
    await store.suppressions.add("ann@example.org", note="asked by phone")
    await fails(store, clock, Reason.COMPLAINT)
    it = await store.suppressions.get("ann@example.org")
    assert it is not None
    assert (it.reason, it.note) == (Reason.SUPPRESSED, "asked by phone")


@pytest.mark.parametrize("ended", ["delivery", "person", "time"])
async def test_an_address_that_fails_again_is_suppressed_anew(store: Store, clock: Clock, ended: str) -> None:
    """Lifted by a delivery, by a person or by time: the next failure suppresses with its own cause and its own time."""
    await fails(store, clock, Reason.MAILBOX_FULL, clock() + 100)
    match ended:
        case "delivery":
            await arrives(store, clock)
        case "person":
            await store.suppressions.lift("ann@example.org")
        case _:
            clock.move(100)
    assert await store.suppressions.get("ann@example.org") is None
    again = await fails(store, clock, Reason.ACCOUNT_DISABLED, clock() + 50)
    it = await store.suppressions.get("ann@example.org")
    assert it is not None
    assert (it.reason, it.caused_by, it.expires_at) == (Reason.ACCOUNT_DISABLED, again, clock() + 50)


async def test_expired_ones_do_not_count(store: Store, clock: Clock) -> None:
    """At its time a suppression is over, for get, list and lift."""
    await store.suppressions.add("ann@example.org", expires_at=clock() + 10)
    assert len(await store.suppressions.list()) == 1
    clock.move(10)
    assert await store.suppressions.get("ann@example.org") is None
    assert list(await store.suppressions.list()) == []
    assert not await store.suppressions.lift("ann@example.org")


async def test_pages(store: Store) -> None:
    """The list goes on behind the last key, and holds each once."""
    for n in range(7):
        await store.suppressions.add(f"m{n}@example.org")
    seen: list[str] = []
    while page := await store.suppressions.list(3, seen[-1] if seen else ""):
        seen += [it.address_key for it in page]
    assert seen == [f"m{n}@example.org" for n in range(7)]


async def test_history_of_an_address(store: Store, clock: Clock) -> None:
    """A decision sees what other mails to the address came to: deliveries, opens, and the run of full mailboxes."""
    decide = bounced(clock(), Reason.MAILBOX_FULL, suppress=False)

    async def full() -> None:
        taken = await accept(store, "ann@example.org", now=clock())
        await store.queue.settle(taken.jobs[0].recipient_id, decide)

    await full()
    assert decide.facts is not None
    assert decide.facts.history.full_mails == 0
    assert not decide.facts.history.delivered_before
    await arrives(store, clock)
    delivered_at = clock()
    clock.move(10)
    decide = bounced(clock(), Reason.MAILBOX_FULL, suppress=False)
    since = clock()
    for expected in range(3):
        await full()
        assert decide.facts is not None
        history = decide.facts.history
        assert (history.full_mails, history.full_since) == (expected, since if expected else None)
        assert (history.delivered_before, history.last_delivered_at) == (True, delivered_at)


async def test_delivered_then_bounced_was_no_delivery(store: Store, clock: Clock) -> None:
    """A mail that was taken and came back later does not say that the address works."""
    taken = await accept(store, "ann@example.org", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    await store.queue.settle(taken.jobs[0].recipient_id, bounced(clock(), suppress=False))
    again = await accept(store, "ann@example.org", now=clock())
    decide = bounced(clock(), suppress=False)
    await store.queue.settle(again.jobs[0].recipient_id, decide)
    assert decide.facts is not None
    assert not decide.facts.history.delivered_before


async def test_reports_are_counted(store: Store, clock: Clock) -> None:
    """A decision sees how many failure reports are kept; others do not count."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    for kind in ("bounce", "repeated", "autoreply"):
        await store.reports.keep(id_, clock(), kind, kind.encode())
    decide = bounced(clock())
    await store.queue.settle(id_, decide)
    assert decide.facts is not None
    assert decide.facts.reports == 1
    assert await store.reports.count_since(id_, clock()) == 3
    assert await store.reports.count_since(id_, clock() + 1) == 0
    assert await store.reports.holds(id_, b"bounce")
    assert not await store.reports.holds(id_, b"bouncE")
    assert [report.raw for report in await store.reports.of(id_)] == [b"bounce", b"repeated", b"autoreply"]
    first = (await store.reports.of(id_))[0]
    assert await store.reports.get(first.id) == first
    assert await store.reports.get(1) is None
