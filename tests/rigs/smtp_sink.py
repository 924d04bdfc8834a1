"""
A scripted SMTP server on loopback, on a free port, that keeps what it got.

    async with SmtpSink() as sink:
        sink.on("rcpt", Say("450 4.2.0 later"), recipient="ann@example.org", times=1)
        sink.on("dot", Hold(event), Say("250 2.0.0 ok"))
        ...
        await sink.arrived(3)
        sink.mails[0].content, sink.mails[0].recipient, sink.mails[0].tls

``on(stage, *steps)`` says what is done instead of the usual reply. Stages: ``connect`` (before the greeting),
``greeting``, ``ehlo``, ``helo``, ``starttls``, ``auth``, ``mail``, ``rcpt``, ``data``, ``body`` (once ``after`` octets
of the content came), ``bdat`` (a chunk came that is not the last), ``dot`` (also BDAT LAST), ``rset``, ``quit``. Steps
are done in their order; a stage without a step that replies stays unanswered. What is not scripted is answered as a
good server does, in order, by PIPELINING or in lock step. A mail counts as got when its end was answered with 2xx.
"""

import asyncio
import base64
import socket
import ssl
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_USUAL = {
    "greeting": "220 sink.test ESMTP",
    "helo": "250 sink.test",
    "starttls": "220 2.0.0 go ahead",
    "mail": "250 2.1.0 sender ok",
    "rcpt": "250 2.1.5 recipient ok",
    "data": "354 go ahead",
    "bdat": "250 2.0.0 go on",
    "dot": "250 2.0.0 taken",
    "rset": "250 2.0.0 reset",
    "noop": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
}


@dataclass(frozen=True)
class Say:
    """Reply with these lines, each whole: ``Say("250-one", "250 two")``."""

    lines: tuple[str, ...]

    def __init__(self, *lines: str) -> None:
        object.__setattr__(self, "lines", lines)


@dataclass(frozen=True)
class Raw:
    """Write these very bytes."""

    data: bytes


@dataclass(frozen=True)
class Hold:
    """Wait for the event."""

    event: asyncio.Event


@dataclass(frozen=True)
class After:
    """Wait for so many seconds of the event loop's time (for loops whose time is virtual)."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Close the connection."""


@dataclass(frozen=True)
class Reset:
    """Close the connection with RST."""


@dataclass(frozen=True)
class Silence:
    """Say nothing more, ever; the connection stays open."""


Action = Say | Raw | Hold | After | Drop | Reset | Silence


@dataclass
class _Script:
    stage: str
    steps: tuple[Action, ...]
    session: int | None
    recipient: str | None
    times: int | None
    after: int


@dataclass
class Mail:
    """One transaction that was answered with 2xx behind its final dot."""

    session: int  # from 1
    reverse_path: str
    recipient: str
    mail_parameters: tuple[str, ...]
    rcpt_parameters: tuple[str, ...]
    content: bytes  # dots unstuffed
    tls: bool


@dataclass
class Session:
    """What one connection said."""

    number: int  # from 1
    commands: list[str] = field(default_factory=list)
    writes: list[bytes] = field(default_factory=list)  # as they were read, commands and contents
    user: str = ""
    tls: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def verbs(self) -> list[str]:
        """``["EHLO", "MAIL", "RCPT", "DATA", "."]``."""
        return [command.split(" ")[0].split(":")[0].upper() for command in self.commands]


class _Gone(Exception):
    """The script closed the connection."""


class SmtpSink:
    """See the module. ``offers`` may be changed at any time."""

    def __init__(
        self,
        *,
        offers: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 50000000"),
        starttls: ssl.SSLContext | None = None,
        implicit_tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.offers = offers
        self.host, self.port = host, port
        self.mails: list[Mail] = []
        self.sessions: list[Session] = []
        self.tried: list[str] = []  # recipients of every RCPT, in order
        self.reads = True
        self._starttls, self._implicit = starttls, implicit_tls
        self._scripts: list[_Script] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def on(
        self,
        stage: str,
        *steps: Action,
        session: int | None = None,
        recipient: str | None = None,
        times: int | None = None,
        after: int = 1,
    ) -> None:
        """Do ``steps`` at this stage: in the n-th session, for this recipient, so often; None is always."""
        self._scripts.append(_Script(stage, steps, session, recipient, times, after))

    def forget(self) -> None:
        """Drop all scripts: a good server from now on."""
        self._scripts.clear()

    async def arrived(self, mails: int) -> None:
        """Wait until at least so many mails were got."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.mails) >= mails)

    async def said(self, verb: str, *, times: int = 1) -> None:
        """Wait until a verb was said so often, over all sessions; ``CONNECT`` counts connections."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.count(verb) >= times)

    def count(self, verb: str) -> int:
        """How often a verb was said, over all sessions."""
        if verb == "CONNECT":
            return len(self.sessions)
        return sum(session.verbs.count(verb) for session in self.sessions)

    @property
    def open_sessions(self) -> int:
        """Connections that are open now."""
        return sum(1 for session in self.sessions if not session.closed.is_set())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; a port once chosen is kept, so that a sink can go down and come up."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self._implicit, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and all connections."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        session = Session(len(self.sessions) + 1, tls=self._implicit is not None)
        self.sessions.append(session)
        await self._notify()
        try:
            await _Talk(self, session, reader, writer).run()
        except (_Gone, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            session.closed.set()
            writer.close()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _steps(self, stage: str, session: int, recipient: str, after: int) -> tuple[Action, ...] | None:
        for script in self._scripts:
            if (
                script.stage == stage
                and script.session in (None, session)
                and script.recipient in (None, recipient)
                and script.times != 0
                and (stage != "body" or after >= script.after)
            ):
                if script.times is not None:
                    script.times -= 1
                return script.steps
        return None


class _Talk:
    """One connection."""

    def __init__(
        self, sink: SmtpSink, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.sink, self.session, self.reader, self.writer = sink, session, reader, writer
        self.reverse_path = self.recipient = ""
        self.parameters: tuple[str, ...] = ()
        self.rcpt_parameters: tuple[str, ...] = ()
        self.mail_ok = self.rcpt_ok = False
        self.chunks: list[bytes] = []

    async def run(self) -> None:
        await self._script("connect")
        await self._answer("greeting")
        while line := await self.reader.readline():
            self.session.writes.append(line)
            command = line.rstrip(b"\r\n").decode("utf-8", "replace")
            self.session.commands.append(command)
            await self.sink._notify()
            verb = command.split(" ")[0].split(":")[0].lower()
            await getattr(self, f"_{verb}", self._unknown)(command)
            if verb == "quit":
                return

    async def _ehlo(self, _: str) -> None:
        offers = list(self.sink.offers)
        if self.sink._starttls and not self.session.tls:
            offers.append("STARTTLS")
        lines = ["sink.test", *offers]
        usual = [f"250{' ' if n == len(lines) - 1 else '-'}{line}" for n, line in enumerate(lines)]
        await self._answer("ehlo", *usual)

    async def _helo(self, _: str) -> None:
        await self._answer("helo")

    async def _starttls(self, _: str) -> None:
        if await self._answer("starttls"):
            assert self.sink._starttls is not None
            await self.writer.start_tls(self.sink._starttls)
            self.session.tls = True

    async def _auth(self, command: str) -> None:
        words = command.split(" ")
        if words[1].upper() == "PLAIN":
            user, password = base64.b64decode(words[2]).decode().split("\0")[1:]
        else:
            self._say("334 VXNlcm5hbWU6")
            user = base64.b64decode(await self.reader.readline()).decode()
            self._say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.reader.readline()).decode()
        self.session.user = f"{user}:{password}"
        await self._answer("auth", "235 2.7.0 welcome")

    async def _mail(self, command: str) -> None:
        path, *parameters = command[len("MAIL FROM:") :].split(" ")
        self.reverse_path, self.parameters = path[1:-1], tuple(parameters)
        self.mail_ok = await self._answer("mail")

    async def _rcpt(self, command: str) -> None:
        path, *parameters = command[len("RCPT TO:") :].split(" ")
        self.recipient, self.rcpt_parameters = path[1:-1], tuple(parameters)
        self.sink.tried.append(self.recipient)
        if not self.mail_ok:
            self._say("503 5.5.1 MAIL first")
            return
        self.rcpt_ok = await self._answer("rcpt")

    async def _data(self, _: str) -> None:
        usual = [] if self.rcpt_ok else ["503 5.5.1 RCPT first"]
        if not await self._answer("data", *usual):
            return
        content = await self._content()
        self.session.commands.append(".")
        await self.sink._notify()
        await self._end(content)

    async def _bdat(self, command: str) -> None:
        words = command.split(" ")
        self.chunks.append(await self.reader.readexactly(int(words[1])))
        if words[2:] == ["LAST"]:
            await self._end(b"".join(self.chunks))
        elif not await self._answer("bdat", *([] if self.rcpt_ok else ["503 5.5.1 RCPT first"])):
            self.mail_ok = self.rcpt_ok = False
            self.chunks = []

    async def _end(self, content: bytes) -> None:
        """Answer what ends a content."""
        usual = [] if self.rcpt_ok else ["554 5.5.1 no valid recipients"]
        if await self._answer("dot", *usual):
            mail = Mail(
                self.session.number,
                self.reverse_path,
                self.recipient,
                self.parameters,
                self.rcpt_parameters,
                content,
                self.session.tls,
            )
            self.sink.mails.append(mail)
            await self.sink._notify()
        self.mail_ok = self.rcpt_ok = False
        self.chunks = []

    async def _content(self) -> bytes:
        lines: list[bytes] = []
        octets = 0
        while True:
            line = await self.reader.readuntil(b"\r\n")
            self.session.writes.append(line)
            octets += len(line)
            if line == b".\r\n":
                return b"".join(lines)
            await self._script("body", after=octets)
            lines.append(line.removeprefix(b"."))

    async def _rset(self, _: str) -> None:
        self.chunks = []
        self.mail_ok = self.rcpt_ok = False
        await self._answer("rset")

    async def _noop(self, _: str) -> None:
        await self._answer("noop")

    async def _quit(self, _: str) -> None:
        await self._answer("quit")

    async def _unknown(self, _: str) -> None:
        self._say("500 5.5.2 what?")

    async def _answer(self, stage: str, *usual: str) -> bool:
        """Answer by script or as usual. Whether the last line said was 2xx or 3xx."""
        said = await self._script(stage)
        if said is None:
            lines = usual or (_USUAL[stage],)
            self._say(*lines)
            said = lines[-1]
        await self.writer.drain()
        return said[:1] in ("2", "3")

    async def _script(self, stage: str, *, after: int = 0) -> str | None:
        """Do the scripted steps. None: there were none. Else the last line said, "" for nothing."""
        steps = self.sink._steps(stage, self.session.number, self.recipient, after)
        if steps is None:
            return None
        said = ""
        for step in steps:
            match step:
                case Say(lines):
                    self._say(*lines)
                    said = lines[-1]
                case Raw(data):
                    self.writer.write(data)
                    said = data.decode("latin-1").splitlines()[-1] if data.strip() else ""
                case Hold(event):
                    await event.wait()
                case After(seconds):
                    await asyncio.sleep(seconds)
                case Silence():
                    await asyncio.Event().wait()
                case Drop():
                    await self.writer.drain()
                    raise _Gone
                case Reset():
                    self._reset()
                    raise _Gone
        return said

    def _say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def _reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
