"""What the bounce listener takes, refuses and puts off; and whom a report may touch (promise 7)."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bounce import listener as listener_module
from bounce.consequence import Consequence
from bounce.listener import ReportListener
from bounce.report import Report
from bounce.settings import BounceSettings
from bounce.verp import ReturnPaths
from store.errors import StoreUnavailable
from store.ids import Ids
from store.nouns import Reason, RecipientStatus, Reply
from store.reports import NOBODY
from store.seal import Seal
from tests.bounce.facts import DAY, DELIVERED, NOW
from tests.bounce.remembered import Remembered

DOMAIN = "bounce.homing.example"
LIFETIME = 33 * DAY
PATHS = ReturnPaths(Seal(b"k" * 32, kind=2), DOMAIN, LIFETIME)
IDS = Ids(1, lambda: NOW - 3_600)
ANN, BOB = IDS.next(), IDS.next()
GONE = IDS.next()  # signed and in time, but not in the store
OLD = Ids(1, lambda: NOW - LIFETIME - 60).next()


@dataclass
class Client:
    """The server's session, as far as the listener looks at it."""

    reverse_path: str | None = ""
    forward_paths: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    client_address: str = "192.0.2.25"


@dataclass
class World:
    """A listener and all it knows."""

    store: Remembered
    listener: ReportListener
    forwarded: list[tuple[int, str, bool]]  # recipient, what it was, whether it came with the null reverse-path

    async def rcpt(self, path: str) -> Reply | None:
        return await self.listener.rcpt(Client(), path, {})

    async def send(self, content: bytes, *paths: str, reverse_path: str = "") -> Reply:
        """Carry one transaction through MAIL, RCPT and DATA."""
        client = Client(reverse_path)
        assert await self.listener.mail(client, reverse_path, {}) is None
        for path in paths:
            assert await self.listener.rcpt(client, path, {}) is None
            client.forward_paths.append((path, {}))
        return await self.listener.data(client, content)

    def status(self, recipient_id: int) -> RecipientStatus:
        return self.store.facts[recipient_id].status


@pytest.fixture
def world() -> Iterator[World]:
    facts = {
        id_: replace(DELIVERED, recipient_id=id_, forward_path=path, address_key=path)
        for id_, path in ((ANN, "ann@school.example"), (BOB, "bob@school.example"))
    }
    store = Remembered(facts)
    forwarded: list[tuple[int, str, bool]] = []

    async def forward(
        recipient_id: int,
        report: Report,
        content: bytes,  # noqa: ARG001 - the listener's contract
        now: float,  # noqa: ARG001
        *,
        null_reverse_path: bool,
    ) -> None:
        if store.failing == "forward":
            raise StoreUnavailable("the disk is full", full=True)
        forwarded.append((recipient_id, str(report.kind), null_reverse_path))

    listener = ReportListener(
        return_paths=PATHS,
        recipients=store,
        reports=store,
        consequence=Consequence(store, store, raw_copy=256 * 1024),
        settings=BounceSettings(max_report_size=20_000, raw_copy=5_000, role_mail=3),
        clock=lambda: NOW,
        log=logging.getLogger("test"),
        forward=forward,
    )
    yield World(store, listener, forwarded)
    listener.close()


def dsn(address: str = "ann@school.example", status: str = "5.1.1", action: str = "failed", more: str = "") -> bytes:
    text = f"""From: MAILER-DAEMON@mx.school.example
To: someone
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.
{more}
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.school.example

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <{address}>: User unknown in virtual mailbox table

--b
Content-Type: text/rfc822-headers

Subject: Invoice 4711

--b--
"""
    return text.replace("\n", "\r\n").encode()


def complaint(return_paths: str) -> bytes:
    text = f"""From: feedback@isp.example
To: abuse@{DOMAIN}
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Isp/1.0
Version: 1
Original-Mail-From: {return_paths}
Source-IP: 192.0.2.1

--b
Content-Type: message/rfc822

From: office@school.example
Subject: Invoice 4711

Text.

--b--
"""
    return text.replace("\n", "\r\n").encode()


# RCPT

FORGED = [
    f"b{'a' * 26}@{DOMAIN}",
    PATHS.encode(ANN).replace("@", "a@"),
    ReturnPaths(Seal(b"other" + b"k" * 27, kind=2), DOMAIN, LIFETIME).encode(ANN),
    ReturnPaths(Seal(b"k" * 32, kind=1), DOMAIN, LIFETIME).encode(ANN),
    PATHS.encode(ANN).replace(DOMAIN, "other.example"),
    PATHS.encode(OLD),
    PATHS.encode(GONE),
    f"info@{DOMAIN}",
    "abuse@other.example",
    "ann@school.example",
    f"@{DOMAIN}",
    "abuse",
    "",
]


@pytest.mark.parametrize("path", FORGED)
async def test_promise_7_b1_b2_what_we_did_not_sign_is_refused_at_rcpt(world: World, path: str) -> None:
    """Wrong, past, unknown, none at all: one text for all, no row, a counter."""
    reply = await world.rcpt(path)
    assert reply is not None
    assert reply.render() == b"550 5.1.1 No such address here\r\n"
    assert world.store.kept == []
    assert world.listener.counts == {"refused": 1}


async def test_a_forgery_does_not_reach_the_store(world: World) -> None:
    """Guessing costs the store nothing: the seal tells."""
    for path in FORGED:
        if path != PATHS.encode(GONE):
            await world.rcpt(path)
    assert world.store.calls == {}


@pytest.mark.parametrize(
    "path",
    [
        PATHS.encode(ANN),
        PATHS.encode(ANN).upper(),
        f"prvs=0123abcdef={PATHS.encode(ANN)}",
        f"postmaster@{DOMAIN}",
        "Postmaster",
        f"ABUSE@{DOMAIN.upper()}.",
    ],
)
async def test_what_is_ours_is_taken(world: World, path: str) -> None:
    """Signed return paths, mangled or not (B3), postmaster and abuse of our domain (RFC 2142, RFC 5321 4.5.1)."""
    assert await world.rcpt(path) is None


@pytest.mark.parametrize("failing", ["recipient", "count_since"])
async def test_promise_1_a_fault_of_ours_at_rcpt_is_temporary(world: World, failing: str) -> None:
    """Promise 1: 4xx, and its text says nothing of the fault."""
    world.store.failing = failing
    reply = await world.rcpt(PATHS.encode(ANN))
    assert str(reply) == "451 4.3.0 Temporary trouble here, try again later"


# DATA


async def test_a_report_bounces_the_recipient_of_its_return_path(world: World) -> None:
    """Delivered, then Bounced, with the reason of the report; 250 once it is settled and kept."""
    reply = await world.send(dsn(), PATHS.encode(ANN))
    assert str(reply) == "250 2.0.0 Ok"
    assert (world.status(ANN), world.status(BOB)) == (RecipientStatus.BOUNCED, RecipientStatus.DELIVERED)
    assert world.store.facts[ANN].reason is Reason.NO_SUCH_USER
    assert [(id_, kind) for id_, _, kind, _ in world.store.kept] == [(ANN, "bounce")]
    assert world.listener.counts == {"bounce": 1}


async def test_promise_7_the_text_of_a_report_touches_nobody(world: World) -> None:
    """Promise 7: bob's address and even bob's signed return path in a report to ann's change ann alone."""
    await world.send(dsn("bob@school.example", more=PATHS.encode(BOB)), PATHS.encode(ANN))
    assert (world.status(ANN), world.status(BOB)) == (RecipientStatus.BOUNCED, RecipientStatus.DELIVERED)
    assert "names another recipient" in world.store.changes[0].events[0].note
    assert {event.recipient_id for change in world.store.changes for event in change.events} == {ANN}


async def test_promise_7_a_report_to_postmaster_touches_nobody(world: World) -> None:
    """Without a signed return path to have come to, a bounce is about nobody, whatever it carries."""
    for role in (f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}"):
        assert (await world.send(dsn(more=PATHS.encode(ANN)), role)).code == 250
    assert world.store.changes == []
    assert {id_ for id_, _, _, _ in world.store.kept} == {NOBODY}


async def test_each_recipient_of_a_transaction_gets_the_report_on_its_own(world: World) -> None:
    """Two return paths in one transaction: each one's own entry decides; one path twice counts once."""
    await world.send(dsn(), PATHS.encode(ANN), PATHS.encode(BOB), PATHS.encode(ANN).upper())
    assert (world.status(ANN), world.status(BOB)) == (RecipientStatus.BOUNCED, RecipientStatus.BOUNCED)
    notes = {change.events[0].recipient_id: change.events[0].note for change in world.store.changes}
    assert notes == {ANN: "", BOB: "the report names another recipient"}
    assert len(world.store.kept) == 2


async def test_b4_what_has_a_sender_is_taken_and_never_a_bounce(world: World) -> None:
    """B4: MAIL FROM:<someone> is no report."""
    assert (await world.send(dsn(), PATHS.encode(ANN), reverse_path="someone@school.example")).code == 250
    assert world.status(ANN) is RecipientStatus.DELIVERED
    assert world.store.changes == []


async def test_still_trying_and_delivered_are_no_bounces(world: World) -> None:
    """B6: through the real reader."""
    await world.send(dsn(action="delayed", status="4.4.1"), PATHS.encode(ANN))
    await world.send(dsn(action="relayed", status="2.1.9"), PATHS.encode(ANN))
    assert world.status(ANN) is RecipientStatus.DELIVERED
    assert [change.events[0].kind for change in world.store.changes] == ["deferred"]


async def test_a_complaint_to_abuse_is_tied_by_the_signed_return_path_it_carries(world: World) -> None:
    """B14: feedback loops write to one address; the return path of our mail in it is ours and signed."""
    sent = complaint(f"<{PATHS.encode(ANN)}>")
    assert (await world.send(sent, f"abuse@{DOMAIN}", reverse_path="fbl@isp.example")).code == 250
    (change,) = world.store.changes
    assert (change.events[0].kind, change.events[0].recipient_id) == ("complained", ANN)
    assert change.suppress is not None
    assert world.status(ANN) is RecipientStatus.DELIVERED


@pytest.mark.parametrize(
    "carried",
    [
        f"<b{'a' * 26}@{DOMAIN}>",
        f"<{PATHS.encode(OLD)}>",
        "<office@school.example>",
        f"<{PATHS.encode(ANN)}> <{PATHS.encode(BOB)}>",
    ],
    ids=["forged", "expired", "none", "two"],
)
async def test_b14_a_complaint_that_carries_no_return_path_of_ours_suppresses_nobody(
    world: World, carried: str
) -> None:
    """B14: forged, past, none, or two that leave it open."""
    assert (await world.send(complaint(carried), f"abuse@{DOMAIN}")).code == 250
    assert world.store.changes == []
    assert [id_ for id_, _, _, _ in world.store.kept] == [NOBODY]


async def test_b9_b11_reports_of_one_recipient_are_limited(world: World) -> None:
    """B11: twenty a day, then 452 at RCPT; B9: the same one again is one change. The next day there is room."""
    for _ in range(20):
        assert (await world.send(dsn(), PATHS.encode(ANN))).code == 250
    assert len(world.store.changes) == 1
    assert str(await world.rcpt(PATHS.encode(ANN))) == "452 4.2.1 Too many reports for this address today"
    assert await world.rcpt(PATHS.encode(BOB)) is None
    world.store.kept = [(id_, at - DAY - 1, kind, raw) for id_, at, kind, raw in world.store.kept]
    assert await world.rcpt(PATHS.encode(ANN)) is None


async def test_b11_the_limit_holds_for_many_at_once(world: World) -> None:
    """A hundred sessions past RCPT together do not get a hundred reports in."""
    client = Client(forward_paths=[(PATHS.encode(ANN), {})])
    replies = await asyncio.gather(*(world.listener.data(client, dsn(more=str(n))) for n in range(100)))
    assert sorted({reply.code for reply in replies}) == [250, 452]
    assert len(world.store.kept) == 20
    assert not world.listener._under_way


async def test_mail_to_postmaster_is_kept_for_people_within_a_limit(world: World) -> None:
    """What somebody writes to postmaster@ or abuse@ is kept, cut to raw_copy, as many a day as the settings say."""
    role = f"postmaster@{DOMAIN}"
    letter = b"From: tom@school.example\r\nSubject: Please stop\r\n\r\n" + b"x" * 9_000
    for n in range(3):
        assert (await world.send(letter + str(n).encode(), role, reverse_path="tom@school.example")).code == 250
    assert [(id_, kind, len(raw)) for id_, _, kind, raw in world.store.kept] == [(NOBODY, "role", 5_000)] * 3
    assert str(await world.rcpt(role)) == "452 4.2.1 Too many reports for this address today"
    assert await world.rcpt(PATHS.encode(ANN)) is None  # postmaster's flood is nobody else's
    client = Client(forward_paths=[(role, {})])
    assert (await world.listener.data(client, letter)).code == 452


async def test_a_copy_is_handed_on_for_each_recipient_of_a_report(world: World) -> None:
    """With what the report is and how it came; a fault of ours there is temporary, as any."""
    await world.send(dsn(), PATHS.encode(ANN))
    await world.send(dsn("x@y.example"), PATHS.encode(BOB), reverse_path="x@y.example")
    await world.send(dsn(), f"abuse@{DOMAIN}")
    assert world.forwarded == [(ANN, "bounce", True), (BOB, "bounce", False)]
    world.store.failing = "forward"
    assert (await world.send(dsn(), PATHS.encode(ANN))).code == 451


async def test_a_large_report_is_refused(world: World) -> None:
    """B11: at the limit it is taken, one octet more is not."""
    at_limit = dsn(more="x" * (20_000 - len(dsn())))
    assert (await world.send(at_limit, PATHS.encode(ANN))).code == 250
    assert str(await world.send(at_limit + b"x", PATHS.encode(BOB))) == "552 5.3.4 Report too large"
    assert world.status(BOB) is RecipientStatus.DELIVERED


@pytest.mark.parametrize("failing", ["settle", "keep", "holds", "count_since"])
async def test_promise_1_a_fault_of_ours_at_data_is_temporary_and_mends(world: World, failing: str) -> None:
    """Promise 1: 451, and when the other side sends it again there is one bounce."""
    client = Client(forward_paths=[(PATHS.encode(ANN), {})])
    world.store.failing = failing
    assert str(await world.listener.data(client, dsn())) == "451 4.3.0 Temporary trouble here, try again later"
    world.store.failing = ""
    assert (await world.listener.data(client, dsn())).code == 250
    assert len(world.store.changes) == 1
    assert world.status(ANN) is RecipientStatus.BOUNCED
    assert not world.listener._under_way


async def test_a_return_path_that_ends_during_the_session_is_let_go(world: World) -> None:
    """What decode no longer gives is about nobody; no fault, no row."""
    client = Client(forward_paths=[(PATHS.encode(OLD), {})])
    assert (await world.listener.data(client, dsn())).code == 250
    assert world.store.kept == []


async def test_what_the_reader_cannot_read_is_kept_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of the reader is ours to mend; sending the bytes again would not. It is logged in full."""

    def broken(raw: bytes) -> Any:
        raise RecursionError(len(raw))

    monkeypatch.setattr(listener_module, "read", broken)
    assert (await world.send(dsn(), PATHS.encode(ANN))).code == 250
    assert [kind for _, _, kind, _ in world.store.kept] == ["not-a-bounce"]
    assert world.status(ANN) is RecipientStatus.DELIVERED
    assert world.listener.counts["unread"] == 1
    assert "could not be read" in caplog.text


async def test_reading_does_not_hold_up_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is read in a thread: whatever it costs, other sessions go on meanwhile."""
    loop, reading, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def slow(_raw: bytes) -> Any:
        loop.call_soon_threadsafe(reading.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(timeout=20)
        return listener_module.UNREAD

    monkeypatch.setattr(listener_module, "read", slow)
    sending = asyncio.create_task(world.send(dsn(), PATHS.encode(ANN)))
    await reading.wait()
    assert await world.rcpt(PATHS.encode(BOB)) is None  # answered while the other report is being read
    go_on.set()
    assert (await sending).code == 250


HOSTILE = [b"", b"\x00" * 5_000, b"\xff" * 5_000, b"(" * 19_000, b"Content-Type: multipart/x; boundary=\r\n" * 400]


@pytest.mark.parametrize("content", HOSTILE, ids=["empty", "nul", "octets", "brackets", "headers"])
async def test_any_content_is_answered(world: World, content: bytes) -> None:
    """B12: spam and junk to a return path are taken, counted, and change nothing."""
    assert (await world.send(content, PATHS.encode(ANN))).code == 250
    assert world.status(ANN) is RecipientStatus.DELIVERED
