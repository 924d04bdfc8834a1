"""An address that failed, over the whole program and over weeks: stopped, tried again, lifted, stopped anew."""

from collections.abc import AsyncIterator

import pytest

from relay.config import Config
from store.nouns import Reason, RecipientStatus
from tests.conftest import Clock
from tests.relay.whole import DAY, Whole, dsn, whole
from tests.rigs.smtp_sink import Say

ANN = "ann@school.test"


@pytest.fixture
async def world(config: Config, clock: Clock) -> AsyncIterator[Whole]:
    async with whole(config, clock) as running:
        yield running


async def stopped_by(world: Whole) -> int | None:
    """Send a mail that must not leave; give the recipient whose failure stopped it."""
    before = world.sink.count("MAIL")
    recipient_id = await world.send(ANN)
    row = await world.row(recipient_id)
    assert (row.status, row.reason) == (RecipientStatus.NOT_DELIVERED, Reason.SUPPRESSED)
    assert world.sink.count("MAIL") == before
    return row.caused_by


async def suppressed_for(world: Whole) -> tuple[Reason, float | None] | None:
    """Give why and for how many more days the address is suppressed."""
    it = await world.relay.store.suppressions.get(ANN)
    if it is None:
        return None
    return it.reason, None if it.expires_at is None else (it.expires_at - it.at) / DAY


async def test_a_suspended_mailbox_is_tried_again_with_the_first_mail_after_30_days(world: Whole) -> None:
    """For 30 days nothing is sent. Then the next mail is the test: it bounces, and 30 more days begin, by its cause."""
    world.sink.on("rcpt", Say("550 5.2.1 This account has been disabled"), times=2)
    first = await world.send(ANN)
    await world.event(first, "bounced")
    assert await suppressed_for(world) == (Reason.ACCOUNT_DISABLED, 30)
    world.clock.move(29 * DAY)
    assert await stopped_by(world) == first
    world.clock.move(1 * DAY)
    again = await world.send(ANN)
    await world.event(again, "bounced")
    assert await stopped_by(world) == again
    world.clock.move(30 * DAY)
    third = await world.send(ANN)
    await world.event(third, "delivered")
    await world.event(await world.send(ANN), "delivered")
    assert await suppressed_for(world) is None


async def test_a_full_mailbox_is_tried_again_with_the_first_mail_after_14_days(world: Whole) -> None:
    """Three mails over 14 days stop it for 14 days. Full at the test: stopped anew. Delivered: all begins again."""
    full = []
    for _ in range(3):
        full.append(await world.send(ANN))
        await world.event(full[-1], "delivered")
        reply = await world.report(world.return_path(full[-1]), dsn(ANN, "5.2.2", "The mailbox is over quota"))
        assert reply.startswith("250")
        world.clock.move(7 * DAY)
    assert await suppressed_for(world) == (Reason.MAILBOX_FULL, 14)
    assert await stopped_by(world) == full[-1]
    world.clock.move(7 * DAY)
    test = await world.send(ANN)
    await world.event(test, "delivered")
    await world.report(world.return_path(test), dsn(ANN, "5.2.2", "The mailbox is over quota"))
    assert await stopped_by(world) == test
    world.clock.move(14 * DAY)
    await world.event(await world.send(ANN), "delivered")
    last = await world.send(ANN)
    await world.event(last, "delivered")
    await world.report(world.return_path(last), dsn(ANN, "5.2.2", "The mailbox is over quota"))
    assert (await world.row(last)).reason is Reason.MAILBOX_FULL
    assert await suppressed_for(world) is None


async def test_a_delivery_lifts_and_the_next_failure_suppresses_with_its_own_cause(world: Whole) -> None:
    """Unknown; sent in spite of it and delivered: lifted. Then suspended: suppressed anew, as that."""
    world.sink.on("rcpt", Say("550 5.1.1 No such user"), times=1)
    first = await world.send(ANN)
    await world.event(first, "bounced")
    assert await suppressed_for(world) == (Reason.NO_SUCH_USER, None)
    spite = await world.send(ANN, X_Homing_Ignore_Suppression="yes")
    await world.event(spite, "delivered")
    assert await suppressed_for(world) is None
    world.sink.on("rcpt", Say("550 5.2.1 This account has been disabled"), times=1)
    again = await world.send(ANN)
    await world.event(again, "bounced")
    assert await suppressed_for(world) == (Reason.ACCOUNT_DISABLED, 30)
    assert await stopped_by(world) == again


COMPLAINT = b"""From: feedback@isp.test\r
Subject: complaint\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
This is an email abuse report.\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Isp/1.0\r
Version: 1\r
--b\r
Content-Type: message/rfc822\r
\r
From: office@club.test\r
Subject: Fees for November\r
\r
Please pay.\r
--b--\r
"""


async def test_a_complaint_stays_whatever_is_delivered(world: Whole) -> None:
    """Delivered, complained of, then unknown, then delivered in spite of all: still stopped, for the complaint."""
    first = await world.send(ANN)
    await world.event(first, "delivered")
    second = await world.send(ANN)
    await world.event(second, "delivered")
    await world.report(world.return_path(second), dsn(ANN))
    assert await suppressed_for(world) == (Reason.NO_SUCH_USER, None)
    await world.report(world.return_path(first), COMPLAINT, sender="feedback@isp.test")
    assert await suppressed_for(world) == (Reason.COMPLAINT, None)
    await world.event(await world.send(ANN, X_Homing_Ignore_Suppression="yes"), "delivered")
    assert await suppressed_for(world) == (Reason.COMPLAINT, None)
    assert await stopped_by(world) == first
