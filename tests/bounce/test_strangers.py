"""What strangers can do at the port for bounces of a whole relay: nothing that sends mail, nothing that others feel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from admin.server import AdminServer
from bounce.report import read
from bounce.reported import MAX_RECIPIENTS
from relay.preflight import host_and_port
from store.nouns import RecipientStatus
from tests.admin.rig import Visitor
from tests.conftest import Clock
from tests.relay.conftest import config_in
from tests.relay.whole import Whole, dsn, whole

SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
STRANGER = "robot@school.test"
# What comes back at a return path, and who says that it sent it.
ANSWERS = {
    "a bounce of a bounce": ("", "550 5.1.1 the bounce could not be delivered: bounces.relay.test"),
    "an automatic reply": (STRANGER, "Auto-Submitted: auto-replied\r\nSubject: Out of office\r\n\r\nI am away.\r\n"),
    "a reply of a person": (STRANGER, f"From: {STRANGER}\r\nSubject: Re: Fees\r\n\r\nWho are you?\r\n"),
    "a list that asks": (STRANGER, "Subject: confirm 12345\r\nPrecedence: bulk\r\n\r\nReply to confirm.\r\n"),
    "one that asks for a receipt": (
        STRANGER,
        f"Disposition-Notification-To: {STRANGER}\r\nReturn-Receipt-To: {STRANGER}\r\nSubject: x\r\n\r\nx\r\n",
    ),
}


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def relay_in(stack: AsyncExitStack, folder: Path, clock: Clock, **bounce: Any) -> Whole:
    return await stack.enter_async_context(whole(config_in(folder), clock, bounce=bounce))


async def count(relay: Whole, table: str) -> int:
    """Count the rows of a table."""
    statement = f"SELECT count(*) FROM {table}"
    return int(await relay.relay.store._reader.run(lambda c: c.exec_driver_sql(statement).scalar_one()))


async def test_b10_whatever_comes_to_the_port_for_bounces_no_mail_is_sent(
    stack: AsyncExitStack, tmp_path: Path, clock: Clock
) -> None:
    """Bounces of bounces, automatic replies, people, lists, receipts: taken, and answered with no mail to anybody."""
    relay = await relay_in(stack, tmp_path, clock)
    ann = await relay.send()
    await relay.event(ann, "delivered")
    path = relay.return_path(ann)
    said = await asyncio.gather(
        *(relay.report(path, content.encode(), sender=sender) for sender, content in ANSWERS.values()),
        relay.report("postmaster@bounces.relay.test", b"Subject: x\r\n\r\nx\r\n"),
        relay.report(path, dsn("ann@school.test")),
    )
    assert {reply[:3] for reply in said} == {"250"}
    await relay.event(ann, "bounced")
    # The next mail is the next that leaves: what anybody was answered would have been taken before it.
    bob = await relay.send("bob@school.test")
    await relay.event(bob, "delivered")
    assert [mail.recipient for mail in relay.sink.mails] == ["ann@school.test", "bob@school.test"]
    assert await count(relay, "message") == 2


def monster(recipients: int, depth: int) -> bytes:
    """Write a report of very many recipients, with mails inside mails, in no charset, and without its last boundary."""
    blocks = b"".join(
        b"Final-Recipient: rfc822; n%d@school.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 \xff\xfe\x80 unknown user\r\n\r\n" % number
        for number in range(recipients)
    )
    nested = b"Content-Type: message/rfc822\r\n\r\n" * depth
    return (
        b"From: MAILER-DAEMON@mx.school.test\r\nSubject: =?x-none?q?=FF?=\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=x-none\r\n\r\n\xff\xfe could not be delivered\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.school.test\r\n\r\n"
        + blocks
        + b"--b\r\n"
        + nested
        + b"Subject: Fees\r\n\r\n\xff\xff"
    )


def test_b12_of_ten_thousand_recipients_a_hundred_are_read() -> None:
    """However deep the mail that comes back in it, and though it never ends."""
    report = read(monster(10_000, 300))
    assert report.kind == "bounce"
    assert [entry.address for entry in report.recipients] == [f"n{n}@school.test" for n in range(MAX_RECIPIENTS)]


async def test_b12_a_monster_at_the_port_changes_its_recipient_alone(
    stack: AsyncExitStack, tmp_path: Path, clock: Clock
) -> None:
    """Over the wire within the size that is allowed: the recipient of the return path is Bounced, nobody else."""
    relay = await relay_in(stack, tmp_path, clock)
    ann, other = await relay.send(), await relay.send("n7@school.test")
    for recipient in (ann, other):
        await relay.event(recipient, "delivered")
    assert (await relay.report(relay.return_path(ann), monster(5_000, 300))).startswith("250")
    await relay.event(ann, "bounced")
    assert (await relay.row(other)).status is RecipientStatus.DELIVERED


async def test_b13_words_of_a_report_are_kept_as_they_came_and_escaped_where_they_are_shown(
    stack: AsyncExitStack, tmp_path: Path, clock: Clock
) -> None:
    """Markup in the Diagnostic-Code is text on every page that shows it."""
    relay = await relay_in(stack, tmp_path, clock)
    ann = await relay.send()
    await relay.event(ann, "delivered")
    assert (await relay.report(relay.return_path(ann), dsn("ann@school.test", words=SCRIPT))).startswith("250")
    event = (await relay.event(ann, "bounced")).event
    assert SCRIPT in event.reply
    admin = SimpleNamespace(addresses=[host_and_port(relay.relay.addresses["admin"])])
    visitor = Visitor(cast("AdminServer", admin))
    assert (await visitor.log_in("admin", relay.relay.secrets.admin_password)).status == 303
    shown = 0
    for target in (f"/messages/{event.message_id}", f"/recipients/{ann}", "/messages", "/suppressions", "/"):
        answer = await visitor.get(target)
        assert answer.status == 200, target
        assert "<script>alert" not in answer.text, target
        assert "<img src=x" not in answer.text, target
        shown += "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert shown


async def test_b15_a_flooded_port_for_bounces_is_not_felt_elsewhere(
    stack: AsyncExitStack, tmp_path: Path, clock: Clock
) -> None:
    """It has its own count of connections: while it turns strangers away, mail is taken and delivered as ever."""
    relay = await relay_in(stack, tmp_path, clock, connections=5, connections_per_address=5)
    host, port = host_and_port(relay.relay.addresses["bounce"])
    held = [await asyncio.open_connection(host, port) for _ in range(5)]
    for _ in range(20):
        reader, writer = await asyncio.open_connection(host, port)
        assert (await reader.readline()).startswith(b"421 4.7.0")
        writer.close()
    ann = await relay.send()
    await relay.event(ann, "delivered")
    assert [mail.recipient for mail in relay.sink.mails] == ["ann@school.test"]
    for _, writer in held:
        writer.close()
