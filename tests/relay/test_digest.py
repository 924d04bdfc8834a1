"""relay/digest.py and relay/own_mail.py: the daily mail of what is to be chased, and the test mail of the pages."""

from collections.abc import Sequence
from email import message_from_bytes
from email.policy import default
from zoneinfo import ZoneInfo

import pytest

from admin.pages.render import Renderer
from admin.settings import AdminSettings, DigestSettings
from admin.statics import Statics
from relay.digest import Digest, due_day
from relay.own_mail import TestMail
from store.nouns import Job, TrackingMode
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept, bounced

DAY = 86_400.0
MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (1_790_000_000.0, 0),  # 2026-09-21 14:13:20 UTC, 16:13 in Madrid
        (1_789_966_799.0, -1),  # 06:59:59 in Madrid
        (1_789_966_800.0, 0),  # 07:00 in Madrid
        (1_789_966_800.0 + DAY - 1, 0),
        (1_789_966_800.0 + DAY, 1),
    ],
)
def test_when_it_is_due(now: float, days: int) -> None:
    """From its time of day on, in its zone."""
    assert due_day(now, "07:00", MADRID) - due_day(1_790_000_000.0, "07:00", MADRID) == days


@pytest.fixture
def out() -> list[tuple[Job, bytes]]:
    return []


@pytest.fixture
def digest(store: Store, clock: Clock, out: list[tuple[Job, bytes]]) -> Digest:
    return made(store, clock, out)


def made(store: Store, clock: Clock, out: list[tuple[Job, bytes]], language: str = "en") -> Digest:
    def deliver(jobs: Sequence[Job], content: bytes) -> None:
        out.extend((job, content) for job in jobs)

    wanted = DigestSettings(to=("office@club.test", "till@club.test"), at="07:00", zone="UTC", language=language)
    return Digest(
        store=store,
        settings=AdminSettings(digest=wanted, base_url="https://homing.club.test/"),
        hostname="relay.test",
        max_age=DAY,
        render=Renderer(Statics(), clock),
        clock=clock,
        deliver=deliver,
    )


async def chased(store: Store, clock: Clock) -> None:
    """Make an invoice that came back."""
    taken = await accept(store, "eve@c.test", now=clock(), invoice="<b>INV-7", customer="4711", subject="Fees")
    await store.queue.settle(taken.jobs[0].recipient_id, bounced(clock()))


async def test_each_day_once(digest: Digest, store: Store, clock: Clock, out: list[tuple[Job, bytes]]) -> None:
    """Not on the day it is switched on, then once a day to each; the second node that asks sends nothing."""
    await chased(store, clock)
    assert not await digest.send()
    clock.move(DAY)
    assert await digest.send()
    assert [job.forward_path for job, _ in out] == ["office@club.test", "till@club.test"]
    assert {job.tracking for job, _ in out} == {TrackingMode.OFF}
    assert not await made(store, clock, out).send()
    clock.move(DAY)
    assert await digest.send()
    assert len(out) == 4


async def test_what_it_says(digest: Digest, store: Store, clock: Clock, out: list[tuple[Job, bytes]]) -> None:
    """Invoice, customer, address, status, why and what to do, as text and as HTML; nothing in it is markup."""
    await digest.send()
    await chased(store, clock)
    clock.move(DAY)
    await digest.send()
    mail = message_from_bytes(out[0][1], policy=default)
    assert mail["Subject"] == "1 invoice to chase"
    assert mail["From"] == "Homing <office@club.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    for part in ("4711", "eve@c.test", "Bounced", "https://homing.club.test/chase", "2026-09-21"):
        assert part in text
        assert part in html
    assert "<b>INV-7" in text
    assert "&lt;b&gt;INV-7" in html


async def test_in_spanish(store: Store, clock: Clock, out: list[tuple[Job, bytes]]) -> None:
    """Subject and words."""
    digest = made(store, clock, out, "es")
    await digest.send()
    await chased(store, clock)
    clock.move(DAY)
    await digest.send()
    mail = message_from_bytes(out[0][1], policy=default)
    assert mail["Subject"] == "1 factura por reclamar"
    assert "Devuelto" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def test_nobody_to_chase(digest: Digest, clock: Clock, out: list[tuple[Job, bytes]]) -> None:
    """No mail, and the day is done with."""
    await digest.send()
    clock.move(DAY)
    assert not await digest.send()
    assert out == []


async def test_the_test_mail(store: Store, clock: Clock, out: list[tuple[Job, bytes]]) -> None:
    """An invoice with its customer, followed as any other; each click is one."""
    send = TestMail(
        store,
        to="ann@sandbox.test",
        hostname="relay.test",
        max_age=DAY,
        clock=clock,
        deliver=lambda jobs, content: out.extend((job, content) for job in jobs),
    )
    await send()
    await send()
    assert [job.forward_path for job, _ in out] == ["ann@sandbox.test"] * 2
    (first, *_) = await store.find.by_invoice("INV-1042")
    assert first.recipient.customer == "4711"
    assert first.recipient.tracking is TrackingMode.VERDICT
    assert b"\r\n" in out[0][1]
    assert b"\n" not in out[0][1].replace(b"\r\n", b"")
