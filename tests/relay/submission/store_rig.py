"""A submission server on a real store, whose queue a test can break."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixel.settings import PixelSettings
from relay.config import Config
from relay.settings import DeliverySettings, RelaySettings, SubmissionSettings
from relay.submission.acceptance import Acceptance, Queue
from relay.submission.limits import Offers, ServerLimits
from relay.submission.server import SmtpServer
from store.accept import Acceptance as Taken
from store.nouns import Job, NewMessage, NewRecipient, TrackingMode
from store.open import Store
from tests.conftest import Clock
from tests.relay.submission.rig import HOSTNAME, LOG, Client

LETTER = b"From: Ann <ann@club.test>\r\nTo: bob@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n"


@dataclass
class Faulty:
    """The store's queue, that a test can break."""

    real: Queue
    raises: Exception | None = None
    held: asyncio.Event | None = None  # waited for before the real queue is asked
    asked: list[NewMessage] = field(default_factory=list)

    async def accept(
        self,
        message: NewMessage,
        content: bytes,
        recipients: Sequence[NewRecipient],
        *,
        hold: bool = True,
        within: float | None = None,
    ) -> Taken:
        self.asked.append(message)
        if self.raises is not None:
            raise self.raises
        if self.held is not None:
            await self.held.wait()
        return await self.real.accept(message, content, recipients, hold=hold, within=within)


@dataclass
class Shop:
    """A store whose queue can be broken."""

    queue: Faulty
    credentials: Any
    ids: Any


@dataclass
class Relay:
    """A submission server on a real store."""

    store: Store
    tmp_path: Path
    clock: Clock
    user: str = ""
    password: str = ""
    delivered: list[tuple[Sequence[Job], bytes]] = field(default_factory=list)
    servers: list[SmtpServer] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    queue: Faulty | None = None

    async def serve(self, *, tracking: TrackingMode = TrackingMode.VERDICT, **settings: Any) -> None:
        """Start, with these settings of ``[relay.submission]``."""
        submission = SubmissionSettings(**settings)
        config = Config(
            relay=RelaySettings(hostname=HOSTNAME, submission=submission, delivery=DeliverySettings(max_age=86_400.0)),
            pixel=PixelSettings(tracking=tracking),
        )
        self.queue = Faulty(self.store.queue)
        acceptance = Acceptance(
            store=Shop(self.queue, self.store.credentials, self.store.ids),
            config=config,
            deliver=lambda jobs, content: self.delivered.append((jobs, content)),
            clock=self.clock,
            log=LOG,
        )
        server = SmtpServer(
            hostname=HOSTNAME,
            limits=ServerLimits.of(submission.limits),
            tls=None,
            implicit_tls=False,
            handler=acceptance,
            offers=Offers(auth="loopback", dsn=True),
            proxy_networks=submission.proxy_networks,
            clock=self.clock,
            log=LOG,
        )
        await server.start("127.0.0.1:0")
        self.servers.append(server)

    async def login(self, user: str, password: str) -> Client:
        """Open a connection that has authenticated."""
        client = await self.connect()
        secret = b64encode(f"\0{user}\0{password}".encode())
        assert (await client.ask(b"AUTH PLAIN " + secret + b"\r\n")).startswith("235")
        return client

    async def connect(self, first: bytes = b"") -> Client:
        client = await Client.connect(self.servers[-1].address)
        self.clients.append(client)
        await client.send(first)
        await client.reply()
        await client.ask(b"EHLO app.club.test\r\n")
        return client

    async def ready(self) -> Client:
        if not self.user:
            self.user, self.password = await self.store.credentials.create("club")
        return await self.login(self.user, self.password)

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        """Read from the store, as its views show it."""

        def read(connection: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]

        return await self.store._reader.run(read)


async def send(
    client: Client,
    content: bytes = LETTER,
    *,
    sender: bytes = b"<ann@club.test>",
    to: Sequence[bytes] = (b"<bob@example.org>",),
) -> str:
    """Send one mail and give the last reply; a refusal at MAIL ends it."""
    said = await client.ask(b"MAIL FROM:" + sender + b"\r\n")
    if not said.startswith("250"):
        return said
    for path in to:
        await client.ask(b"RCPT TO:" + path + b"\r\n")
    said = await client.ask(b"DATA\r\n")
    return await client.ask(content + b".\r\n") if said.startswith("354") else said
