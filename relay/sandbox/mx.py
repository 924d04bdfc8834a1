"""
A small receiving mail server for loopback: enough of RFC 5321 for any sender, with pipelining (RFC 2920).

What it answers to RCPT and behind the final dot is asked of a desk; all else is the protocol.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from store.nouns import Reply

MAX_CONTENT = 64 * 1024**2  # octets
_MAX_LINE = 8 * 1024
_IDLE = 300.0  # seconds
_MAX_CONNECTIONS = 500
_MAX_RECIPIENTS = 1_000
# RFC 5321 section 4.1.2:  "MAIL FROM:" Reverse-path [SP Mail-parameters], "RCPT TO:" likewise
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>(?:\s.*)?", re.IGNORECASE)

_OK = Reply.make(250, "2.0.0", "Ok")
_BYE = Reply.make(221, "2.0.0", "Bye")
_GO_AHEAD = Reply.make(354, None, "End data with <CR><LF>.<CR><LF>")
_BAD_COMMAND = Reply.make(500, "5.5.2", "Command not recognized")
_BAD_PATH = Reply.make(501, "5.5.4", "Path not understood")
_BAD_ORDER = Reply.make(503, "5.5.1", "Bad sequence of commands")
_TOO_MANY = Reply.make(452, "4.5.3", "Too many recipients")
_TOO_LARGE = Reply.make(552, "5.3.4", "Message too large")
_BUSY = Reply.make(421, "4.3.2", "Too many connections")
_NOTHING_SPECIAL = Reply.make(252, "2.5.0", "Send some mail and see")


class Desk(Protocol):
    """Decides about addresses and mails."""

    def rcpt(self, reverse_path: str, forward_path: str) -> Reply | None:
        """Answer RCPT; None takes the address."""

    def data(self, reverse_path: str, forward_paths: list[str], content: bytes) -> Reply | None:
        """Answer the final dot; None takes the mail."""


@dataclass(slots=True)
class _Mail:
    """The mail that is being spoken of."""

    reverse_path: str | None = None
    forward_paths: list[str] = field(default_factory=list)


class MailServer:
    """Listens, and speaks SMTP. ``address`` tells where, once it runs."""

    def __init__(self, desk: Desk, *, hostname: str, log: logging.Logger) -> None:
        self._desk = desk
        self._hostname = hostname
        self._log = log
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens at."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def start(self, host: str, port: int) -> None:
        """Listen. OSError when that is not possible."""
        self._server = await asyncio.start_server(self._connected, host, port, backlog=512)

    async def stop(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        for session in self._sessions:
            session.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            if len(self._sessions) > _MAX_CONNECTIONS:
                writer.write(_BUSY.render())
            else:
                await _Session(reader, writer, self._desk, self._hostname).run()
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the other side hung up or says nothing, or we stop: nothing was promised
        except Exception:  # noqa: BLE001 - one session must not end the others
            self._log.exception("the sandbox's mail server failed in a session")
        finally:
            self._sessions.discard(task)
            writer.close()


class _Session:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, desk: Desk, hostname: str) -> None:
        self._reader = reader
        self._writer = writer
        self._desk = desk
        self._hostname = hostname
        self._buffer = bytearray()
        self._mail = _Mail()
        self._verbs: dict[str, Callable[[str], Awaitable[Reply]]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._mail_from,
            "RCPT": self._rcpt_to,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
        }

    async def run(self) -> None:
        """Speak until QUIT, or until the other side hangs up."""
        self._say(Reply.make(220, None, f"{self._hostname} ESMTP Homing's sandbox"))
        while True:
            line = await self._line()
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                self._say(_BYE)
                await self._writer.drain()
                return
            answer = self._verbs.get(verb.upper())
            self._say(await answer(rest.strip()) if answer else _BAD_COMMAND)

    async def _helo(self, rest: str) -> Reply:
        del rest
        self._mail = _Mail()
        return Reply.make(250, None, self._hostname)

    async def _ehlo(self, rest: str) -> Reply:
        del rest
        self._mail = _Mail()
        offers = ("PIPELINING", f"SIZE {MAX_CONTENT}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
        return Reply.make(250, None, self._hostname, *offers)

    async def _mail_from(self, rest: str) -> Reply:
        match = _PATH.fullmatch(rest)
        if match is None:
            return _BAD_PATH
        if self._mail.reverse_path is not None:
            return _BAD_ORDER
        self._mail.reverse_path = match[1]
        return _OK

    async def _rcpt_to(self, rest: str) -> Reply:
        match = _PATH.fullmatch(rest)
        if match is None or not match[1]:
            return _BAD_PATH
        if self._mail.reverse_path is None:
            return _BAD_ORDER
        if len(self._mail.forward_paths) >= _MAX_RECIPIENTS:
            return _TOO_MANY
        refusal = self._desk.rcpt(self._mail.reverse_path, match[1])
        if refusal is None:
            self._mail.forward_paths.append(match[1])
        return refusal or _OK

    async def _data(self, rest: str) -> Reply:
        del rest
        mail = self._mail
        if mail.reverse_path is None or not mail.forward_paths:
            return _BAD_ORDER
        self._say(_GO_AHEAD)
        content = await self._content()
        self._mail = _Mail()
        if content is None:
            return _TOO_LARGE
        return self._desk.data(mail.reverse_path, mail.forward_paths, content) or _OK

    async def _rset(self, rest: str) -> Reply:
        del rest
        self._mail = _Mail()
        return _OK

    async def _noop(self, rest: str) -> Reply:
        del rest
        return _OK

    async def _vrfy(self, rest: str) -> Reply:
        del rest
        return _NOTHING_SPECIAL

    def _say(self, reply: Reply) -> None:
        self._writer.write(reply.render())

    async def _line(self) -> str:
        """Give the next command without its line end."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE:
                raise ConnectionResetError("a line without an end")
            await self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    async def _content(self) -> bytes | None:
        """Give a mail without its final dot, dots undoubled; None when it was too large: it is read to its end then."""
        kept = bytearray(b"\r\n")  # so that a final dot in the very first line is found like any other
        too_large = False
        while True:
            searched = max(0, len(kept) - 4)
            kept += self._buffer
            self._buffer.clear()
            end = kept.find(b"\r\n.\r\n", searched)
            if end >= 0:
                break
            if len(kept) > MAX_CONTENT + 2:
                too_large = True
                del kept[:-4]
            await self._fill()
        self._buffer += kept[end + 5 :]
        return None if too_large else bytes(kept[:end] + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]

    async def _fill(self) -> None:
        """Read more, after what was said has gone out (RFC 2920: replies may wait until the input is used up)."""
        async with asyncio.timeout(_IDLE):
            await self._writer.drain()
            octets = await self._reader.read(64 * 1024)
        if not octets:
            raise ConnectionResetError("the other side hung up")
        self._buffer += octets
