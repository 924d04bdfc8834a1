"""store/notices.py: what a sender may want to hear of, found once and handed over once."""

import sqlite3
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from store.letters import Letter
from store.notices import NAME, SPAN, Batch
from store.nouns import Job, NewMessage
from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept, bounced, deferred, delivered, new_recipient

HOUR = 3600.0


async def look(store: Store, clock: Clock, *, unasked: bool = False, start: int | None = None) -> Batch:
    seen = await store.notices.position()
    start = seen if start is None else start
    return await store.notices.after(seen, start, unasked=unasked, delay=HOUR, since=clock() - 86_400.0)


def letter(store: Store, clock: Clock) -> Letter:
    message = NewMessage(
        id=store.ids.next(),
        accepted_at=clock(),
        expires_at=clock() + HOUR,
        credential="relay.notify",
        reverse_path="",
    )
    return Letter(message, b"Subject: Report\r\n\r\nIt failed.\r\n", new_recipient(store, "office@club.example"))


async def test_the_past_is_not_told(store: Store, clock: Clock) -> None:
    """The first look begins at the newest event."""
    (job,) = (await accept(store, "ann@school.example", now=clock())).jobs
    await store.queue.settle(job.recipient_id, bounced(clock()))
    assert await store.notices.position() == await store.journal.last_position()
    assert (await look(store, clock, unasked=True)).notices == ()


async def test_who_asked_and_who_did_not(store: Store, clock: Clock) -> None:
    """NEVER is never found, nor mail of the null reverse-path; without NOTIFY only where ``unasked`` says so."""
    await store.notices.position()
    asked = {"ann": "FAILURE", "ben": "NEVER", "cem": ""}
    people = [new_recipient(store, f"{name}@school.example", notify=notify) for name, notify in asked.items()]
    jobs = list((await accept(store, now=clock(), recipients=people)).jobs)
    jobs += (await accept(store, "dan@school.example", now=clock(), reverse_path="")).jobs
    for job in jobs:
        await store.queue.settle(job.recipient_id, delivered(clock()))
    found = [notice.forward_path for notice in (await look(store, clock)).notices]
    assert found == ["ann@school.example"]
    found = [notice.forward_path for notice in (await look(store, clock, unasked=True)).notices]
    assert found == ["ann@school.example", "cem@school.example"]


async def test_only_the_first_failure_and_the_first_long_delay(store: Store, clock: Clock) -> None:
    """A delay counts from an hour on; neither it nor a failure is told a second time."""
    await store.notices.position()
    ann = new_recipient(store, "ann@school.example", notify="FAILURE,DELAY")
    (job,) = (await accept(store, now=clock(), recipients=[ann])).jobs
    for wait in (60.0, HOUR, HOUR):
        clock.move(wait)
        await store.queue.settle(job.recipient_id, deferred(clock(), clock()))
    await store.queue.settle(job.recipient_id, bounced(clock()))
    await store.queue.settle(job.recipient_id, bounced(clock()))
    found = (await look(store, clock)).notices
    assert [notice.event.kind for notice in found] == ["deferred", "bounced"]
    assert found[0].event.at == found[0].accepted_at + HOUR + 60.0


async def test_a_suppressed_recipient_is_a_failure(store: Store, clock: Clock) -> None:
    """The sender hears of it as of any other failure."""
    await store.suppressions.add("ann@school.example", note="by hand")
    await store.notices.position()
    ann = new_recipient(store, "ann@school.example", notify="FAILURE")
    await accept(store, now=clock(), recipients=[ann])
    assert [notice.event.kind for notice in (await look(store, clock)).notices] == ["suppressed"]


async def test_what_is_old_is_passed_over(store: Store, clock: Clock) -> None:
    """After a long stop nobody hears of last week."""
    await store.notices.position()
    (job,) = (await accept(store, "ann@school.example", now=clock())).jobs
    await store.queue.settle(job.recipient_id, bounced(clock()))
    clock.move(2 * 86_400.0)
    batch = await look(store, clock, unasked=True)
    assert (batch.notices, batch.to) == ((), await store.journal.last_position())


async def test_a_report_is_handed_over_once(store: Store, clock: Clock, open_again: OpenAgain) -> None:
    """Whoever comes second with what the first one saw writes nothing, and after it nothing is found again."""
    await store.notices.position()
    (job,) = (await accept(store, "ann@school.example", now=clock())).jobs
    await store.queue.settle(job.recipient_id, bounced(clock()))
    batch = await look(store, clock, unasked=True)
    assert len(batch.notices) == 1
    first = letter(store, clock)
    jobs = await store.letters.send(NAME, batch.seen, batch.to, [first])
    assert [job.message_id for job in jobs or ()] == [first.message.id]
    other = store if store.dialect == "sqlite" else await open_again(name="other")
    second = letter(other, clock)
    assert await other.letters.send(NAME, batch.seen, batch.to, [second]) is None
    assert await other.find.message(second.message.id) == []
    assert (await look(other, clock, unasked=True)).notices == ()


async def test_what_cannot_be_taken_is_found_again(store: Store, clock: Clock) -> None:
    """The place in the journal moves with the report or not at all."""
    await store.notices.position()
    taken = await accept(store, "ann@school.example", now=clock())
    jobs: list[Job] = taken.jobs
    await store.queue.settle(jobs[0].recipient_id, bounced(clock()))
    batch = await look(store, clock, unasked=True)
    double = letter(store, clock)
    double = replace(double, message=replace(double.message, id=taken.message_id))  # an id that is there already
    with pytest.raises((IntegrityError, sqlite3.IntegrityError)):
        await store.letters.send(NAME, batch.seen, batch.to, [double])
    assert len((await look(store, clock, unasked=True)).notices) == 1


async def test_a_long_journal_is_looked_through_in_pieces(store: Store, clock: Clock) -> None:
    """One look never reads more than a stretch; the next begins where it ended."""
    await store.notices.position()
    for start in (0, SPAN // 2):
        people = [new_recipient(store, f"p{start + n}@school.example") for n in range(SPAN // 2)]
        await accept(store, now=clock(), recipients=people)
    (job,) = (await accept(store, "ann@school.example", now=clock())).jobs
    await store.queue.settle(job.recipient_id, bounced(clock()))
    first = await look(store, clock, unasked=True)
    assert (first.notices, first.to) == ((), first.seen + SPAN)
    assert len((await look(store, clock, unasked=True, start=first.to)).notices) == 1
