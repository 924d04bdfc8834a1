"""The whole program in one process: a relay on free ports, a mail server that a test scripts, a clock that it moves."""

import asyncio
import logging
import smtplib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Any

from bounce.verp import ReturnPaths
from relay.config import Config
from relay.keys import load_or_make, return_path_seal
from relay.preflight import host_and_port
from relay.serve import Relay, running
from relay.settings import Route
from store.journal_record import EventRecord
from store.rows import RecipientRow
from tests.conftest import Clock
from tests.rigs.smtp_sink import SmtpSink

LOG = logging.getLogger("homing.test")
DAY = 86_400.0
SENDER = "office@club.test"


@dataclass
class Whole:
    """One relay, all mail of which goes to ``sink``."""

    config: Config
    relay: Relay
    sink: SmtpSink
    clock: Clock
    user: str
    password: str

    async def send(
        self,
        address: str = "ann@school.test",
        *,
        sender: str = SENDER,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
        **headers: str,
    ) -> int:
        """Hand one mail over as an application does; give the id of its recipient."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = SENDER
        mail["To"] = address
        mail["Subject"] = "Fees for November"
        mail["Message-ID"] = make_msgid(domain="club.test")
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content("Please pay.\n")
        mail.add_alternative("<p>Please pay.</p>", subtype="html")
        mail_from, rcpt_to = (sender, mail_options), (address, rcpt_options)
        reply = await asyncio.to_thread(self._submit, mail_from, rcpt_to, mail.as_bytes())
        (found,) = await self.relay.store.find.message(int(reply.rpartition(" ")[2]))
        return found.recipient.recipient_id

    def _submit(self, mail_from: tuple[str, Sequence[str]], rcpt_to: tuple[str, Sequence[str]], content: bytes) -> str:
        with smtplib.SMTP(*host_and_port(self.relay.addresses["submission"]), timeout=30) as client:
            client.ehlo()
            client.login(self.user, self.password)
            client.mail(*mail_from)
            client.rcpt(*rcpt_to)
            return client.data(content)[1].decode()

    async def report(self, to: str, content: bytes, *, sender: str = "") -> str:
        """Hand a report over as another mail server does; give the last reply."""

        def give() -> str:
            with smtplib.SMTP(*host_and_port(self.relay.addresses["bounce"]), timeout=30) as client:
                client.ehlo()
                client.mail(sender)
                code, text = client.rcpt(to)
                if code == 250:
                    code, text = client.data(content)
                return f"{code} {text.decode()}"

        return await asyncio.to_thread(give)

    def return_path(self, recipient_id: int) -> str:
        """Give the return path that the copy for a recipient has."""
        return self.return_paths.encode(recipient_id)

    @property
    def return_paths(self) -> ReturnPaths:
        """Make the return paths as the relay makes them."""
        keys, _ = load_or_make(self.config.relay.master_key, bytes)
        return ReturnPaths(return_path_seal(keys), self.config.bounce_domain, self.config.bounce.return_path_lifetime)

    async def row(self, recipient_id: int) -> RecipientRow:
        """Give one recipient as it stands."""
        found = await self.relay.store.find.recipient(recipient_id)
        assert found is not None
        return found.recipient

    async def event(self, recipient_id: int, kind: str) -> EventRecord:
        """Wait for the first event of this kind of a recipient."""
        async with asyncio.timeout(30):
            async for record in self.relay.store.journal.follow(0):
                if record.event.recipient_id == recipient_id and record.event.kind == kind:
                    return record
        raise AssertionError("the journal ended")

    async def kinds(self, recipient_id: int) -> list[str]:
        """Give the kinds of events of a recipient, in order."""
        found = await self.relay.store.find.recipient(recipient_id)
        assert found is not None
        return [event.kind for event in found.events]


@asynccontextmanager
async def whole(config: Config, clock: Clock, *, bounce: dict[str, Any] | None = None) -> AsyncIterator[Whole]:
    """Run a relay whose mail for any domain goes to a scripted server."""
    async with SmtpSink() as sink:
        delivery = config.relay.delivery.model_copy(
            update={"allow_private_destinations": ("127.0.0.0/8",), "schedule": (1.0,), "max_age": 1.0}
        )
        relay_settings = config.relay.model_copy(
            update={"routes": {"*": Route(host=sink.host, port=sink.port)}, "delivery": delivery}
        )
        settled = config.model_copy(
            update={
                "relay": relay_settings,
                "bounce": config.bounce.model_copy(update={"domain": "bounces.relay.test", **(bounce or {})}),
            }
        )
        async with running(settled, log=LOG, clock=clock) as relay:
            yield Whole(settled, relay, sink, clock, relay.secrets.user, relay.secrets.password)


def dsn(
    address: str, status: str = "5.1.1", words: str = "User unknown", *, to: str = "", message_id: str = ""
) -> bytes:
    """Write a report about one address as Postfix does (RFC 3464)."""
    returned = f"Message-ID: <{message_id}>\n" if message_id else ""
    text = f"""From: MAILER-DAEMON@mx.school.test (Mail Delivery System)
To: {to or "undisclosed-recipients:;"}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 21 Sep 2026 14:13:20 +0000
Message-ID: <report.{status}.{len(words)}@mx.school.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

<{address}>: host mx2.school.test said: 550 {status} {words}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.school.test

Final-Recipient: rfc822; {address}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} {words}

--b
Content-Type: text/rfc822-headers

Return-Path: <{to}>
{returned}From: {SENDER}
To: {address}
Subject: Fees for November

--b--
"""
    return text.replace("\n", "\r\n").encode()
