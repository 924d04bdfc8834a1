"""The bounce listener behind the real SMTP server, spoken to over loopback."""

import asyncio
import logging
import smtplib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest

from bounce.consequence import Consequence
from bounce.listener import ReportListener
from bounce.settings import BounceSettings
from bounce.verp import ReturnPaths
from relay.submission.limits import Offers, ServerLimits
from relay.submission.server import SmtpServer
from store.ids import Ids
from store.nouns import RecipientStatus
from store.seal import Seal
from tests.bounce.facts import DAY, DELIVERED, NOW
from tests.bounce.remembered import Remembered

DOMAIN = "bounce.homing.example"
PATHS = ReturnPaths(Seal(b"k" * 32, kind=2), DOMAIN, 33 * DAY)
ANN = Ids(1, lambda: NOW - 3_600).next()
REPORT = (
    b"From: MAILER-DAEMON@mx.example\r\nSubject: failure notice\r\n\r\n<ann@school.example>:\r\n550 5.1.1 unknown\r\n"
)
T = TypeVar("T")


@dataclass
class World:
    """A server on a free port, and the store behind it."""

    server: SmtpServer
    store: Remembered

    async def talk(self, say: Callable[[smtplib.SMTP], T]) -> T:
        """Speak with the server in a thread."""

        def connected() -> T:
            with smtplib.SMTP(*self.server.address, local_hostname="mx.example", timeout=20) as client:
                client.ehlo()
                return say(client)

        return await asyncio.to_thread(connected)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = Remembered({ANN: replace(DELIVERED, recipient_id=ANN)})
    listener = ReportListener(
        return_paths=PATHS,
        recipients=store,
        reports=store,
        consequence=Consequence(store, store, raw_copy=1_000),
        settings=BounceSettings(),
        clock=lambda: NOW,
    )
    server = SmtpServer(
        hostname=DOMAIN,
        limits=ServerLimits(max_message_size=BounceSettings().max_report_size),
        tls=None,
        implicit_tls=False,
        handler=listener,
        offers=Offers(),
        clock=lambda: NOW,
        log=logging.getLogger("test"),
    )
    await server.start("127.0.0.1:0")
    yield World(server, store)
    await server.stop(grace=5)
    listener.close()


async def test_promise_7_a_guessed_return_path_is_refused_before_data(world: World) -> None:
    """550 at RCPT, so DATA has nobody to go to: nothing changes, nothing is kept."""

    def say(client: smtplib.SMTP) -> tuple[int, bytes, int]:
        client.mail("")
        code, text = client.rcpt(f"b{'a' * 26}@{DOMAIN}")
        return code, text, client.docmd("DATA")[0]

    assert await world.talk(say) == (550, b"5.1.1 No such address here", 554)
    assert world.store.calls == {}


async def test_a_report_over_the_wire_bounces_its_recipient(world: World) -> None:
    """MAIL FROM:<>, a return path in other case, DATA: 250, and the recipient is Bounced."""
    refused = await world.talk(lambda client: client.sendmail("", [PATHS.encode(ANN).upper()], REPORT))
    assert refused == {}
    assert world.store.facts[ANN].status is RecipientStatus.BOUNCED


async def test_promise_1_our_fault_is_4xx_over_the_wire(world: World) -> None:
    """The store cannot be written: 451, and the words tell nothing of it."""
    world.store.failing = "settle"

    def say(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.mail("")
        client.rcpt(PATHS.encode(ANN))
        return client.data(REPORT)

    assert await world.talk(say) == (451, b"4.3.0 Temporary trouble here, try again later")
    assert world.store.facts[ANN].status is RecipientStatus.DELIVERED


async def test_nobody_can_log_in_here(world: World) -> None:
    """AUTH is not offered: there is no password to guess on port 25."""
    assert await world.talk(lambda client: client.has_extn("auth")) is False
