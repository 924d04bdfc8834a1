"""The whole way with a real store: mails accepted, attempts and reports settled, and what the next mail meets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bounce.consequence import Consequence
from bounce.decide import LOST_BEHIND_DOT, POSSIBLE_DUPLICATE
from bounce.listener import ReportListener
from bounce.settings import BounceSettings
from bounce.verp import ReturnPaths
from store.addresses import address_key
from store.nouns import Attempt, NewMessage, NewRecipient, Open, Phase, Reason, TrackingMode, Verdict
from store.open import Store, open_store
from store.seal import Seal
from store.settings import StoreSettings
from tests.bounce.facts import DAY, NOW, parse_reply

DOMAIN = "bounce.homing.example"
PATHS = ReturnPaths(Seal(b"k" * 32, kind=2), DOMAIN, 33 * DAY)


@dataclass
class Client:
    """The server's session, as far as the listener looks at it."""

    forward_paths: list[tuple[str, dict[str, str]]]
    reverse_path: str | None = ""
    client_address: str = "192.0.2.25"


@dataclass
class World:
    """A store, what settles into it, and a clock that the test moves."""

    now: float = NOW
    store: Store = field(init=False)
    consequence: Consequence = field(init=False)
    listener: ReportListener = field(init=False)

    async def send(self, address: str = "ann@school.example", *, ignore_suppression: bool = False) -> int:
        """Accept one mail to one recipient; give the recipient's id."""
        self.now += 1
        message = NewMessage(
            id=self.store.ids.next(),
            accepted_at=self.now,
            expires_at=self.now + 3 * DAY,
            credential="app",
            reverse_path="office@school.example",
            size=9,
        )
        recipient = NewRecipient(
            id=self.store.ids.next(),
            forward_path=address,
            address_key=address_key(address),
            domain="school.example",
            tracking=TrackingMode.VERDICT,
            ignore_suppression=ignore_suppression,
        )
        await self.store.queue.accept(message, b"A: b\r\n\r\nc", [recipient])
        return recipient.id

    async def attempt(
        self, recipient_id: int, reply: str | None, phase: Phase = Phase.RCPT, *, last: bool = False, **more: Any
    ) -> None:
        """Settle one attempt."""
        self.now += 1
        tried = Attempt(
            recipient_id=recipient_id,
            at=self.now,
            phase=phase,
            reply=parse_reply(reply) if reply else None,
            **more,
        )
        await self.consequence.of_attempt(tried, None if last else self.now + 300)

    async def deliver(self, recipient_id: int) -> None:
        await self.attempt(recipient_id, "250 2.0.0 Ok", Phase.END_OF_DATA)

    async def report(self, recipient_id: int, status: str = "5.1.1", words: str = "User unknown", n: int = 0) -> str:
        """Send a report to the recipient's return path; give the reply to RCPT or DATA."""
        self.now += 1
        path = PATHS.encode(recipient_id)
        client = Client([(path, {})])
        refused = await self.listener.rcpt(client, path, {})
        return str(refused or await self.listener.data(client, dsn(status, words, n)))

    async def told(self, recipient_id: int) -> list[tuple[str, str]]:
        """Kind and note of each event of a recipient, in order."""
        records = await self.store.journal.after(0)
        return [(r.event.kind, r.event.note) for r in records if r.event.recipient_id == recipient_id]

    async def kinds(self, recipient_id: int) -> list[str]:
        return [kind for kind, _ in await self.told(recipient_id)]

    async def caused_by(self, recipient_id: int) -> int | None:
        """Which recipient's failure kept this one from being sent; None: it is sent."""
        records = await self.store.journal.after(0)
        causes = [r.event.caused_by for r in records if r.event.recipient_id == recipient_id]
        return causes[-1]


def dsn(status: str, words: str, n: int) -> bytes:
    text = f"""From: MAILER-DAEMON@mx.school.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <{n}@mx.school.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.school.example

Final-Recipient: rfc822; ann@school.example
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} {words}

--b--
"""
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World()
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    world.store = await open_store(settings, clock=lambda: world.now, node_name="test", serving=True)
    world.consequence = Consequence(world.store.queue, world.store.reports, raw_copy=4_096)
    world.listener = ReportListener(
        return_paths=PATHS,
        recipients=world.store.find,
        reports=world.store.reports,
        consequence=world.consequence,
        settings=BounceSettings(),
        clock=lambda: world.now,
    )
    yield world
    world.listener.close()
    await world.store.close()


async def test_refused_in_the_session_then_not_delivered(world: World) -> None:
    """550 5.1.1 bounces and suppresses; the next mail is not sent, and names the one that caused it."""
    first = await world.send()
    await world.attempt(first, "550 5.1.1 <ann@school.example>: User unknown")
    assert await world.kinds(first) == ["accepted", "bounced"]
    second = await world.send("ANN@School.example")
    assert await world.kinds(second) == ["accepted", "suppressed"]
    assert await world.caused_by(second) == first


async def test_delivered_then_bounced_by_report(world: World) -> None:
    """A report days later goes through the same consequence: Bounced, suppressed."""
    first = await world.send()
    await world.deliver(first)
    assert await world.report(first) == "250 2.0.0 Ok"
    assert await world.kinds(first) == ["accepted", "delivered", "bounced"]
    assert await world.caused_by(await world.send()) == first


async def test_promise_8_a_block_of_us_does_not_stop_the_next_mail(world: World) -> None:
    """Promise 8, to the end: blocked by reputation in the session and by report, the next mail goes out."""
    first = await world.send()
    await world.attempt(first, "550 5.7.1 Our IP is listed at zen.spamhaus.org", Phase.END_OF_DATA)
    second = await world.send()
    await world.deliver(second)
    await world.report(second, "5.7.1", "Message rejected as spam by Content Filtering")
    third = await world.send()
    assert await world.kinds(first) == ["accepted", "bounced"]
    assert await world.kinds(second) == ["accepted", "delivered", "bounced"]
    assert await world.kinds(third) == ["accepted"]


async def test_promise_4_lost_behind_the_dot_then_delivered(world: World) -> None:
    """Promise 4: deferred as a possible duplicate, and the delivery that follows says it too."""
    first = await world.send()
    await world.attempt(first, None, Phase.END_OF_DATA, why="connection reset", unknown_outcome=True)
    await world.store.queue.claim_due(10)
    await world.deliver(first)
    assert await world.told(first) == [
        ("accepted", ""),
        ("deferred", LOST_BEHIND_DOT),
        ("delivered", POSSIBLE_DUPLICATE),
    ]


async def test_three_full_mailboxes_over_14_days_suppress_for_14_days(world: World) -> None:
    """Three mails in a row; then 14 days of silence; then the next real mail tries again."""
    mails = []
    for _ in range(3):
        mails.append(await world.send())
        await world.attempt(mails[-1], "452 4.2.2 Mailbox full", last=True)
        assert await world.kinds(mails[-1]) == ["accepted", "bounced"]
        world.now += 7 * DAY
    assert await world.caused_by(await world.send()) == mails[-1]
    world.now += 8 * DAY
    assert await world.caused_by(await world.send()) is None


async def test_a_delivery_between_full_mailboxes_starts_anew(world: World) -> None:
    """In a row means without a delivery between."""
    for n in range(4):
        mail = await world.send()
        if n == 2:
            await world.deliver(mail)
        else:
            await world.attempt(mail, "552 5.2.2 Mailbox full", last=True)
        world.now += 10 * DAY
    assert await world.caused_by(await world.send()) is None


async def test_a_delivery_lifts_what_it_disproves(world: World) -> None:
    """A mail sent in spite of the suppression arrives: the address lives, the next one goes out."""
    await world.attempt(await world.send(), "550 5.1.1 User unknown")
    assert await world.store.suppressions.get("ann@school.example") is not None
    await world.deliver(await world.send(ignore_suppression=True))
    assert await world.store.suppressions.get("ann@school.example") is None


async def test_b8_an_opened_mail_needs_two_reports(world: World) -> None:
    """B8: the first report after an open bounces and suppresses nobody; the same again neither; another one does."""
    first = await world.send()
    await world.deliver(first)
    world.now += 60
    await world.store.opens.record([Open(recipient_id=first, at=world.now, verdict=Verdict.PERSON, rule="browser")])
    for _ in range(3):
        await world.report(first, n=1)
    assert await world.kinds(first) == ["accepted", "delivered", "opened", "bounced"]
    assert await world.store.suppressions.get("ann@school.example") is None
    await world.report(first, n=2)
    assert await world.store.suppressions.get("ann@school.example") is not None


async def test_b9_a_replayed_report_is_one_change_until_the_day_is_full(world: World) -> None:
    """B9, B11: twenty times the same report are one event; the twenty-first is put off."""
    first = await world.send()
    await world.deliver(first)
    answers = [await world.report(first) for _ in range(21)]
    assert set(answers[:20]) == {"250 2.0.0 Ok"}
    assert answers[20] == "452 4.2.1 Too many reports for this address today"
    assert await world.kinds(first) == ["accepted", "delivered", "bounced"]


async def test_promise_7_a_signed_path_of_nobody_is_refused(world: World) -> None:
    """Promise 7: an id that we never gave out, although signed, is refused as any forgery."""
    assert await world.report(world.store.ids.next()) == "550 5.1.1 No such address here"


async def test_gone_or_mistyped_is_remembered(world: World) -> None:
    """Never delivered to: probably mistyped. Delivered to before: it no longer exists."""
    never = await world.send("new@school.example")
    await world.attempt(never, "550 5.1.1 User unknown")
    await world.deliver(await world.send())
    gone = await world.send()
    changes = []
    for recipient_id in (never, gone):
        await world.store.queue.settle(recipient_id, lambda facts: changes.append(facts.history.delivered_before))
    assert changes == [False, True]
    await world.attempt(gone, "550 5.1.1 User unknown")
    records = await world.store.journal.after(0)
    assert [r.event.reason for r in records if r.event.kind == "bounced"] == [Reason.NO_SUCH_USER] * 2
