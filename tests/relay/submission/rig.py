"""A handler that remembers, a client that speaks octet by octet, and a server of both."""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

from relay.submission import replies
from relay.submission.handler import Session
from relay.submission.limits import Offers, ServerLimits
from relay.submission.server import SmtpServer
from store.nouns import Reply

LOG = logging.getLogger("tests.submission")
HOSTNAME = "relay.club.test"
USER, PASSWORD = "app", "correct horse"

# Small enough to be reached by a test, and never waited for.
LIMITS = ServerLimits(
    max_message_size=10_000,
    max_recipients=100,
    max_line=2_000,
    connections=50,
    connections_per_address=20,
    messages_per_connection=5,
    auth_delays=(0.0,),
    auth_failures_per_address=1_000,
)


@dataclass(frozen=True)
class Known:
    """A credential."""

    name: str = "club"
    user: str = USER
    from_domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A mail that the handler took."""

    reverse_path: str
    forward_paths: list[tuple[str, dict[str, str]]]
    content: bytes
    mail_parameters: dict[str, str]
    protocol: str
    client_name: str
    bare: bool
    nul: bool


@dataclass
class Recorder:
    """
    Takes all mail of who authenticated (or of all, when ``open_to_all``), and remembers it.

    Local part ``refused@`` is refused; ``trouble@`` raises; a content that holds ``TROUBLE`` raises. ``before_data``
    is awaited before a content is taken.
    """

    open_to_all: bool = False
    taken: list[Taken] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)  # users and passwords
    before_data: Callable[[], Awaitable[None]] | None = None
    auth_trouble: bool = False

    async def mail(self, session: Session, reverse_path: str, parameters: dict[str, str]) -> Reply | None:  # noqa: ARG002 - the contract
        if reverse_path.startswith("trouble@"):
            raise RuntimeError("secret detail")
        return None if session.credential or self.open_to_all else replies.AUTH_FIRST

    async def rcpt(self, session: Session, forward_path: str, parameters: dict[str, str]) -> Reply | None:  # noqa: ARG002 - the contract
        if forward_path.startswith("trouble@"):
            raise RuntimeError("secret detail")
        if forward_path.startswith("refused@"):
            return Reply.make(550, "5.1.1", "No such address here")
        return None

    async def data(self, session: Session, content: bytes) -> Reply:
        if self.before_data is not None:
            await self.before_data()
        if b"TROUBLE" in content:
            raise RuntimeError("secret detail")
        assert session.reverse_path is not None
        self.taken.append(
            Taken(
                session.reverse_path,
                list(session.forward_paths),
                content,
                session.mail_parameters,
                session.protocol,
                session.client_name,
                session.bare_newlines,
                session.nul,
            )
        )
        return replies.queued(len(self.taken))

    async def auth(self, session: Session, user: str, password: str) -> Known | None:  # noqa: ARG002 - the contract
        if self.auth_trouble:
            raise RuntimeError("secret detail")
        self.asked.append((user, password))
        return Known() if (user, password) == (USER, PASSWORD) else None


class Client:
    """Speaks to a server over a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: tuple[str, int], **options: Any) -> Self:
        return cls(*await asyncio.open_connection(*address, **options))

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def reply(self) -> str:
        """Read one reply; its lines joined by newlines, "" when the server closed instead."""
        lines = []
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), 60)
            except ConnectionResetError:
                return ""
            if not line:
                return "\n".join(lines)
            assert line.endswith(b"\r\n")
            lines.append(line[:-2].decode())
            if line[3:4] != b"-":
                return "\n".join(lines)

    async def ask(self, octets: bytes) -> str:
        """Send, and read one reply."""
        await self.send(octets)
        return await self.reply()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context, server_hostname="localhost")

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Drop the connection as a crashed machine's does: the server gets RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Serving:
    """A server that runs, and its handler."""

    server: SmtpServer
    handler: Recorder
    clients: list[Client] = field(default_factory=list)

    async def connect(self, *, greeted: bool = True, listener: int = 0, **options: Any) -> Client:
        """Open a connection, with the greeting read."""
        client = await Client.connect(self.server.addresses[listener], **options)
        self.clients.append(client)
        if greeted:
            assert (await client.reply()).startswith("220 ")
        return client

    async def ready(self) -> Client:
        """Open a connection that has said EHLO and may send."""
        client = await self.connect()
        assert (await client.ask(b"EHLO client.test\r\n")).startswith("250-")
        if not self.handler.open_to_all:
            assert (await client.ask(b"AUTH PLAIN AGFwcABjb3JyZWN0IGhvcnNl\r\n")).startswith("235 ")
        return client


@asynccontextmanager
async def serving(
    handler: Recorder | None = None,
    *,
    offers: Offers | None = None,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
    listen: str = "127.0.0.1:0",
    clock: Callable[[], float] = lambda: 0.0,
    options: dict[str, Any] | None = None,
    **limits: Any,
) -> AsyncIterator[Serving]:
    """Run a server on a free port, with ``LIMITS`` but for what is named."""
    handler = handler or Recorder()
    server = SmtpServer(
        hostname=HOSTNAME,
        limits=replace(LIMITS, **limits),
        tls=tls,
        implicit_tls=implicit_tls,
        handler=handler,
        offers=offers or Offers(auth="loopback", dsn=True),
        clock=clock,
        log=LOG,
        **(options or {}),
    )
    await server.start(listen)
    relay = Serving(server, handler)
    try:
        yield relay
    finally:
        await server.stop(0)
        for client in relay.clients:
            client.writer.transport.abort()
        await asyncio.gather(*(client.close() for client in relay.clients))
