"""
The wire under the SMTP protocol: lines and blocks in, replies out, deadlines for both, TLS.

It is an ``aiosmtpd`` protocol whose stream half is replaced, for what the stock one does in trouble: it cancels the
handler when the client hangs up (here reading just ends, and what the handler began runs to its end), it waits without
limit for a client that does not read, it never restarts its timer within DATA, and it keeps all of an over-long line.
"""

import asyncio
import logging
import ssl
from functools import lru_cache
from typing import cast

from aiosmtpd.smtp import SMTP

from relay.submission import replies
from relay.submission.limits import ServerLimits
from store.nouns import Reply

_INPUT_HIGH = 256 * 1024  # octets that wait to be read before the client is told to wait (by TCP)
_OUTPUT_HIGH = 4 * 1024  # octets of replies that may wait while the client does not read
_LONGEST_DISCARD = 1024 * 1024  # octets of one over-long line before the connection is cut
NO_LETTERS = frozenset(range(32)) - frozenset(b"\t\r\n")  # no command begins so; TLS does
_on_the_wire = lru_cache(256)(Reply.render)  # the same few are said all day
_LINGER = 5.0  # seconds for a client to take the last reply before the socket is closed under it

# aiosmtpd reports each protocol's mechanisms at level INFO, from a list that is not used here.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class GoneError(Exception):
    """The client is no longer there."""


class CutOffError(Exception):
    """The client is to be sent away with ``reply``."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Connection(SMTP):
    """
    One client's wire. Whoever accepted it runs the session as one task, from first to last octet.

    That task is never cancelled by the connection: ``read_*`` and ``flush`` raise GoneError or CutOffError instead.
    """

    def __init__(self, *, hostname: str, tls: ssl.SSLContext | None, limits: ServerLimits) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(None, hostname=hostname, tls_context=tls, enable_SMTPUTF8=True, loop=loop)
        self.limits = limits
        self.secure = False  # TLS is on
        self.closed: asyncio.Future[None] = loop.create_future()  # done when the connection is no more
        self._wire: asyncio.Transport | None = None
        self._inbox: bytes | bytearray = b""  # as it came, without a copy, where it is one piece
        self._outbox = bytearray()
        self._ended = False  # the client sends no more
        self._lost = False  # the connection is no more
        self._holding = False  # reading is paused
        self._closing = False  # what still comes is thrown away
        self._unread: asyncio.Future[None] | None = None  # done when the client has read enough replies
        self._waiter: asyncio.Future[None] | None = None
        self._waits_for_command = False
        self._due = 0.0  # loop time by which the waiter must have got something
        self._watchdog: asyncio.TimerHandle | None = None
        self._closer: asyncio.TimerHandle | None = None
        self._farewell: Reply | None = None  # said in place of waiting for another command

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport. The stock protocol starts its own session here."""
        self._adopt(transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came; make the client wait when it is much."""
        if self._closing:
            return
        if not self._inbox:
            self._inbox = data
        elif isinstance(self._inbox, bytearray):
            self._inbox += data
        else:
            self._inbox = bytearray(self._inbox) + data
        if len(self._inbox) > _INPUT_HIGH and not self._holding and self._wire is not None:
            self._holding = True
            self._wire.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Note that no more comes. Replies can still go out, but for TLS, which closes both ways."""
        self._ended = True
        if self._closing and self._wire is not None:
            self._wire.close()
        self._wake()
        return not self.secure

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end; the session's task finds out at its next read or write."""
        self._lost = True
        for timer in (self._watchdog, self._closer):
            if timer is not None:
                timer.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)  # not SMTP's, which cancels the task
        self.resume_writing()
        self._wake()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """Replies wait for the client to read."""
        if self._unread is None:
            self._unread = self.loop.create_future()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._unread is not None and not self._unread.done():
            self._unread.set_result(None)
        self._unread = None

    # What the session's task calls

    def say(self, reply: Reply) -> None:
        """Put a reply behind those not sent yet; they leave with the next ``flush``, or when input is waited for."""
        self._outbox += _on_the_wire(reply)

    async def flush(self) -> None:
        """Send what was said. GoneError when the client is gone, or does not read for ``write_stall``."""
        if self._wire is None or self._lost or self._wire.is_closing():
            raise GoneError
        if self._outbox:
            self._wire.write(bytes(self._outbox))
            self._outbox.clear()
        if self._unread is None:
            return
        stalled = self.loop.call_later(self.limits.write_stall, self._wire.abort)
        try:
            await self._unread
        finally:
            stalled.cancel()
        if self._lost:
            raise GoneError

    async def read_line(self, limit: int, seconds: float) -> bytes:
        """
        Give the next line with its line end: all up to the next LF.

        Returns b"" in place of a line of more than ``limit`` octets, which is dropped as it comes.

        Raises:
            CutOffError: It did not come whole within ``seconds``, or the server stops, or it has no end.
            GoneError: The client is gone; a line without its end is dropped.
        """
        due = self.loop.time() + seconds
        dropped = 0
        found = self._inbox.find(b"\n")
        while found < 0 and not self._lost:
            self._refuse_endless(dropped)
            if len(self._inbox) > limit or dropped:
                dropped += len(self._inbox)
                self._inbox = b""
            scanned = len(self._inbox)
            await self.flush()
            await self._more(due, for_command=True)
            found = self._inbox.find(b"\n", scanned)
        if self._lost:
            raise GoneError  # nothing that comes after the client may be carried out
        line = self._take(found + 1)
        return b"" if dropped or len(line) > limit else line

    async def read_block(self, due: float, *, most: int | None = None) -> bytes:
        """Give what came, up to ``most`` octets, at least one; CutOffError when none does by ``due`` (loop time)."""
        while not self._inbox:
            await self.flush()
            await self._more(due)
        return self._take(len(self._inbox) if most is None else most)

    def _take(self, octets: int) -> bytes:
        """Take so many octets of the inbox, or all; what came as one piece and is taken as a whole is not copied."""
        if octets >= len(self._inbox):
            taken, self._inbox = self._inbox, b""
            return bytes(taken)
        if isinstance(self._inbox, bytes):
            self._inbox = bytearray(self._inbox)
        block = bytes(self._inbox[:octets])
        del self._inbox[:octets]  # cheap, also of much: what is behind does not move
        return block

    def put_back(self, rest: bytes) -> None:
        """Make ``rest`` the next to be read."""
        self._inbox = rest + self._inbox if self._inbox else rest

    async def start_tls(self, ready: Reply) -> None:
        """Drop whatever came in clear text, say ``ready``, shake hands. GoneError when that fails."""
        assert self.tls_context is not None
        await self.flush()
        assert self._wire is not None
        self._wire.pause_reading()  # what comes from here on is the handshake's
        self._inbox = b""
        self._wire.write(ready.render())
        try:
            secured = await self.loop.start_tls(
                self._wire,
                self,
                self.tls_context,
                server_side=True,
                ssl_handshake_timeout=self.limits.handshake,
            )
        except OSError:  # ssl.SSLError, ConnectionError and TimeoutError are OSErrors
            raise GoneError from None
        if secured is None or self._lost:
            raise GoneError
        self._adopt(secured)  # what is in the inbox by now came encrypted, right behind the handshake

    def hang_up(self) -> None:
        """
        Close behind what was said.

        A client that still sends gets a moment to read the last reply: closing a socket with unread input resets the
        connection and takes that reply away. One that never reads is aborted.
        """
        wire = self._wire
        if wire is None or self._lost or self._closing:
            return
        self._closing = True
        self._inbox = b""
        if wire.is_closing():
            return
        if self._outbox:
            wire.write(bytes(self._outbox))
        if self._holding:
            wire.resume_reading()
        if not self._ended and wire.can_write_eof():
            try:
                wire.write_eof()
            except OSError:  # the client closed behind its last command: there is nobody to take leave of
                wire.abort()
                return
            self._closer = self.loop.call_later(min(_LINGER, self.limits.write_stall), wire.abort)
        else:
            wire.close()
            self._closer = self.loop.call_later(self.limits.write_stall, wire.abort)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._wire is not None:
            self._wire.abort()

    def take_leave(self, farewell: Reply) -> None:
        """Say ``farewell`` and close as soon as no command is being carried out, at once while waiting for one."""
        self._farewell = farewell
        if self._waits_for_command and self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(CutOffError(farewell))

    # Waiting

    def _refuse_endless(self, dropped: int) -> None:
        """Before waiting for (more of) a line: CutOffError when there is no use in it."""
        if self._farewell is not None:
            raise CutOffError(self._farewell)
        if self._inbox and self._inbox[0] in NO_LETTERS:
            raise CutOffError(replies.NO_SERVICE)
        if dropped > _LONGEST_DISCARD:
            raise CutOffError(replies.TOO_MANY_ERRORS)

    async def _more(self, due: float, *, for_command: bool = False) -> None:
        """Wait until something came. GoneError when nothing can, CutOffError when it is ``due`` first."""
        if self._lost or self._ended or self._wire is None:
            raise GoneError
        if self._holding:
            self._holding = False
            self._wire.resume_reading()
        had = len(self._inbox)
        self._waiter = self.loop.create_future()
        self._waits_for_command = for_command
        self._watch(due)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._waits_for_command = False
        if len(self._inbox) == had:
            raise GoneError

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _watch(self, due: float) -> None:
        """Have the watchdog look no later than ``due``. It is one lazy timer: most waits do not touch it."""
        self._due = due
        if self._watchdog is not None:
            if self._watchdog.when() <= due:
                return
            self._watchdog.cancel()
        self._watchdog = self.loop.call_at(due, self._look)

    def _look(self) -> None:
        """The watchdog: end a wait that is due, look again later at one that is not, sleep when nobody waits."""
        self._watchdog = None
        if self._waiter is None or self._waiter.done():
            return
        if self.loop.time() >= self._due:
            self._waiter.set_exception(CutOffError(replies.WAITED_TOO_LONG))
        else:
            self._watch(self._due)

    def _adopt(self, transport: asyncio.BaseTransport) -> None:
        """Talk over this transport from now on."""
        self._wire = cast("asyncio.Transport", transport)
        self.transport = transport
        self.secure = transport.get_extra_info("ssl_object") is not None
        self._holding = False
        self._wire.set_write_buffer_limits(high=_OUTPUT_HIGH)
