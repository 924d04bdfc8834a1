"""The worker on the real SQLite store, with the real consequences."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bounce.consequence import Consequence
from relay.delivery.pool import Pool
from relay.delivery.route import Routes
from relay.delivery.worker import Delivery
from relay.settings import DeliverySettings, Route
from store.nouns import RecipientStatus, State
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.relay.delivery.world import CONTEXTS, Copies, Names
from tests.rigs.smtp_sink import Drop, Say, SmtpSink
from tests.store.mail import CONTENT, accept


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    opened = await open_store(settings, clock=clock, node_name="node", serving=True)
    yield opened
    await opened.close()


def delivery(store: Store, sink: SmtpSink, clock: Clock) -> Delivery:
    settings = DeliverySettings()
    route = Route(host="127.0.0.1", port=sink.port, tls="off")
    return Delivery(
        queue=store.queue,
        contents=store.contents,
        routes=Routes(Names(clock), routes={"*": route}, settings=settings, clock=clock),
        pool=Pool(hostname="relay.test", settings=settings, draw=lambda: 0.5, contexts=CONTEXTS),
        outgoing=Copies(),
        return_path=lambda job: f"b{job.recipient_id}@bounces.test",
        consequence=Consequence(store.queue, store.reports, raw_copy=1000),
        clock=clock,
        random=lambda: 0.0,
        settings=settings,
    )


async def status(store: Store, recipient_id: int) -> tuple[RecipientStatus, str]:
    """The status, and the kinds of events so far."""
    found = await store.find.recipient(recipient_id)
    assert found is not None
    return found.recipient.status, " ".join(event.kind for event in found.events)


async def test_what_became_of_each(store: Store, clock: Clock) -> None:
    """Delivered, refused, deferred: status and events, and the refused address is suppressed."""
    async with SmtpSink() as sink:
        sink.on("rcpt", Say("550 5.1.1 no such user"), recipient="gone@example.org")
        sink.on("rcpt", Say("450 4.2.0 greylisted"), recipient="later@example.org", times=1)
        taken = await accept(store, "ann@example.org", "gone@example.org", "later@example.org", now=clock())
        working = delivery(store, sink, clock)
        running = asyncio.create_task(working.run())
        working.offer(taken.jobs, CONTENT)
        await working.quiet()
        ids = [job.recipient_id for job in taken.jobs]
        assert await status(store, ids[0]) == (RecipientStatus.DELIVERED, "accepted delivered")
        assert await status(store, ids[1]) == (RecipientStatus.BOUNCED, "accepted bounced")
        assert await status(store, ids[2]) == (RecipientStatus.SENDING, "accepted deferred")
        assert await store.suppressions.get("gone@example.org") is not None
        clock.move(70)
        working.wake()
        await sink.arrived(2)
        await working.quiet()
        assert await status(store, ids[2]) == (RecipientStatus.DELIVERED, "accepted deferred delivered")
        await working.stop(1)
        await running


async def test_two_hundred_mails_each_once(store: Store, clock: Clock) -> None:
    """Own-held and claimed ones side by side, over a server that drops and defers: each is got once."""
    async with SmtpSink() as sink:
        for session in (2, 3, 5):
            sink.on("mail", Drop(), session=session, times=1)
        sink.on("rcpt", Say("452 4.3.1 later"), times=10)
        working = delivery(store, sink, clock)
        running = asyncio.create_task(working.run())
        for number in range(100):
            await accept(store, f"c{number}@example.org", now=clock(), hold=False)
            taken = await accept(store, f"h{number}@example.org", now=clock())
            working.offer(taken.jobs, CONTENT)
        while (await store.queue.counts())[State.SETTLED] < 200:
            clock.move(30)
            working.wake()
            await working.quiet()
        got = Counter(mail.recipient for mail in sink.mails)
        assert set(got.values()) == {1}
        assert len(got) == 200
        await working.stop(1)
        await running


async def test_stop_leaves_nothing_claimed(store: Store, clock: Clock) -> None:
    """What was not delivered is due for the next process, and arrives by it, once."""
    async with SmtpSink() as sink:
        working = delivery(store, sink, clock)
        sink.on("rcpt", Say("451 4.3.0 wait"), recipient="r0@example.org", times=1)
        for number in range(20):
            taken = await accept(store, f"r{number}@example.org", now=clock())
            working.offer(taken.jobs, CONTENT)
        await sink.said("RCPT")
        await working.stop(30)  # one that is broken off behind its dot would rightly come twice
        counts = await store.queue.counts()
        assert counts[State.CLAIMED] == 0
        after = delivery(store, sink, clock)
        running = asyncio.create_task(after.run())
        clock.move(700)
        after.wake()
        await sink.arrived(20)
        await after.quiet()
        assert set(Counter(mail.recipient for mail in sink.mails).values()) == {1}
        await after.stop(1)
        await running


async def test_a_lost_reply_is_a_possible_duplicate(store: Store, clock: Clock) -> None:
    """Behind the dot: delivered at least once, and the events say so."""
    async with SmtpSink() as sink:
        sink.on("dot", Drop(), times=1)
        taken = await accept(store, "ann@example.org", now=clock())
        working = delivery(store, sink, clock)
        running = asyncio.create_task(working.run())
        working.offer(taken.jobs, CONTENT)
        await working.quiet()
        clock.move(3600)
        working.wake()
        await sink.arrived(1)
        await working.quiet()
        notes = [record.event.note for record in await store.journal.after(0)]
        assert sum("possible duplicate" in note for note in notes) == 2
        await working.stop(1)
        await running
