"""
SMTP as a server speaks it: one method for each verb, each gives the reply as a value.

RFC 5321, 1870 (SIZE), 2034 (enhanced codes), 2920 (PIPELINING), 3207 (STARTTLS), 3461 (DSN), 4954 (AUTH),
6152 (8BITMIME), 6409 (submission), 6531 (SMTPUTF8).
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from relay.submission import auth, replies
from relay.submission.auth import AuthGuard, Garbled, Login
from relay.submission.commands import PathCommand, parse_hello, parse_mail, parse_rcpt, split_command
from relay.submission.connection import NO_LETTERS, Connection, CutOffError, GoneError
from relay.submission.data import DataReader
from relay.submission.handler import Handler, Session
from relay.submission.limits import Offers, ServerLimits
from relay.submission.login import ask_login
from store.nouns import Reply

# Replies to these codes are the client's own mistakes; too many end the session. A refused recipient is none.
_MISTAKES = frozenset((500, 501, 502, 503, 504, 530, 538, 555))
# Commands that lead nowhere by themselves. Too many without a message end the session.
_IDLE = frozenset(("NOOP", "RSET", "VRFY", "EXPN", "HELP", "EHLO", "HELO"))
# Whoever says these speaks HTTP, maybe on behalf of a page that wants mail sent by its reader's browser.
_HTTP = frozenset(("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all connections of one server share."""

    hostname: str
    limits: ServerLimits
    offers: Offers
    tls: ssl.SSLContext | None  # for STARTTLS; None where TLS is implicit, or there is none
    handler: Handler
    guard: AuthGuard
    clock: Callable[[], float]
    log: logging.Logger
    authenticated: Callable[["SmtpProtocol"], None]  # told once per connection


class SmtpProtocol(Connection):
    """One client's session, from greeting to farewell."""

    def __init__(self, shared: Shared, client_address: str) -> None:
        super().__init__(hostname=shared.hostname, tls=shared.tls, limits=shared.limits)
        self.shared = shared
        self.talk = Session(client_address=client_address)
        self._mistakes = 0
        self._idle = 0
        self._auth_failures = 0
        self._refused = 0  # recipients, in the whole session
        self._refused_now = 0  # recipients, of this message
        self._seen_forward_paths: set[str] = set()
        self._messages = 0
        self._commands = 0
        self._verbs: dict[str, Callable[[bytes], Awaitable[Reply | None]]] = {
            "EHLO": self.ehlo,
            "HELO": self.helo,
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "RSET": self.rset,
            "NOOP": self.noop,
            "VRFY": self.vrfy,
            "EXPN": self.expn,
            "HELP": self.help,
            "QUIT": self.quit,
        }

    async def converse(self) -> None:
        """Greet, obey commands, take leave. Whatever goes wrong ends this session and no other."""
        try:
            await self._greet()
            while await self._obey_next():
                pass
        except CutOffError as cut:
            self._log_refusal("", cut.reply)
            self.say(cut.reply)
        except GoneError:
            self.shared.log.debug("%s: gone", self.talk.client_address)
        except Exception:
            self.shared.log.exception("%s: fault in a session", self.talk.client_address)
            self.say(replies.BROKEN_SESSION)
        finally:
            self.hang_up()

    async def _greet(self) -> None:
        if self.secure:
            self._note_tls()
        delay = self.limits.greeting_delay
        if delay:
            try:
                await self.read_block(self.loop.time() + delay)
            except CutOffError:  # it waited, as it should
                pass
            else:
                raise CutOffError(replies.SPOKE_TOO_EARLY)
        self.say(replies.greeting(self.hostname))

    async def _obey_next(self) -> bool:
        """Carry out one command; False when it was the last."""
        seconds = self.limits.idle if self._commands else self.limits.first_command
        line = await self.read_line(self.limits.max_auth, seconds)
        self._commands += 1
        if self._commands % 100 == 0:
            await asyncio.sleep(0)  # a long pipelined group lets others have their turn
        verb, argument = split_command(line)
        reply = await self._obey(verb, argument, line)
        if reply is None:
            return True
        if reply.code in _MISTAKES and verb != "RCPT":
            self._mistakes += 1
            if self._mistakes > self.limits.bad_commands:
                reply = replies.TOO_MANY_ERRORS
        self.say(reply)
        if not reply.positive:
            self._log_refusal(verb, reply)
        return reply.code not in (221, 421) and reply is not replies.NO_SERVICE

    async def _obey(self, verb: str, argument: bytes, line: bytes) -> Reply | None:
        """Give the reply to one line; None when there is none to give."""
        if not line or (len(line) > self.limits.max_command and verb != "AUTH"):
            return replies.LINE_TOO_LONG
        if verb in _HTTP or line[0] in NO_LETTERS:
            return replies.NO_SERVICE
        if not line.endswith(b"\r\n"):
            return replies.BARE_LINE_END
        if verb in _IDLE:
            self._idle += 1
            if self._idle > self.limits.idle_commands:
                return replies.TOO_IDLE
        act = self._verbs.get(verb)
        return await act(argument) if act else replies.UNKNOWN_COMMAND

    # Session

    async def ehlo(self, argument: bytes) -> Reply:
        """EHLO (RFC 5321 section 4.1.1.1)."""
        return self._hello(argument, extended=True) or replies.ehlo(self.hostname, self._keywords())

    async def helo(self, argument: bytes) -> Reply:
        """HELO (RFC 5321 section 4.1.1.1)."""
        return self._hello(argument, extended=False) or replies.helo(self.hostname)

    def _hello(self, argument: bytes, *, extended: bool) -> Reply | None:
        """Note the client's name and begin afresh; None, or the reply that refuses it."""
        name = parse_hello(argument)
        if name is None:
            return replies.BAD_ARGUMENT
        self._forget_message()
        self.talk.client_name = name
        self.talk.extended = extended
        return None

    def _keywords(self) -> list[str]:
        keywords = ["PIPELINING", f"SIZE {self.limits.max_message_size}", "8BITMIME", "SMTPUTF8"]
        keywords.append("ENHANCEDSTATUSCODES")
        if self.shared.offers.dsn:
            keywords.append("DSN")
        if self.tls_context is not None and not self.secure:
            keywords.append("STARTTLS")
        if self._auth_allowed():
            keywords.append(f"AUTH {' '.join(auth.MECHANISMS)}")
        return keywords

    async def rset(self, argument: bytes) -> Reply:
        """RSET (RFC 5321 section 4.1.1.5)."""
        if argument:
            return replies.BAD_ARGUMENT
        self._forget_message()
        return replies.OK

    async def noop(self, _argument: bytes) -> Reply:
        """NOOP, with any argument (RFC 5321 section 4.1.1.9)."""
        return replies.OK

    async def vrfy(self, argument: bytes) -> Reply:
        """VRFY: we do not tell (RFC 5321 section 3.5.3)."""
        return replies.CANNOT_VERIFY if argument else replies.BAD_ARGUMENT

    async def expn(self, _argument: bytes) -> Reply:
        """EXPN: there are no lists here (RFC 5321 section 3.5.2)."""
        return replies.NOT_IMPLEMENTED

    async def help(self, _argument: bytes) -> Reply:
        """HELP (RFC 5321 section 4.1.1.8)."""
        return replies.HELP

    async def quit(self, argument: bytes) -> Reply:
        """QUIT (RFC 5321 section 4.1.1.10)."""
        return replies.BAD_ARGUMENT if argument else replies.BYE

    async def starttls(self, argument: bytes) -> Reply | None:
        """
        STARTTLS (RFC 3207 section 4).

        Commands that came with it in clear text are dropped unread: whoever could put them there was not the client.
        """
        if argument:
            return replies.BAD_ARGUMENT
        if self.secure:
            return replies.TLS_ALREADY
        if self.tls_context is None:
            return replies.NO_TLS_HERE
        await self.start_tls(replies.READY_FOR_TLS)
        self._forget_message()
        self.talk.forget_client()
        self._note_tls()
        return None

    def _note_tls(self) -> None:
        assert self.transport is not None
        tls: ssl.SSLObject = self.transport.get_extra_info("ssl_object")
        cipher = tls.cipher()
        self.talk.tls = f"{tls.version()} {cipher[0] if cipher else ''}".strip()

    def _auth_allowed(self) -> bool:
        """Whether AUTH is offered to this client now."""
        match self.shared.offers.auth:
            case "never":
                return False
            case "insecure":
                return True
            case "loopback":
                return self.secure or auth.is_loopback(self.talk.client_address)
            case _:
                return self.secure

    async def auth(self, argument: bytes) -> Reply:
        """AUTH (RFC 4954 section 4) by PLAIN or LOGIN."""
        refusal = self._auth_refusal()
        if refusal is not None:
            return refusal
        words = argument.split()
        if not 1 <= len(words) <= 2:
            return replies.BAD_ARGUMENT
        mechanism = words[0].upper().decode("ascii", "replace")
        if mechanism not in auth.MECHANISMS:
            return replies.AUTH_MECHANISM
        login = await ask_login(self, mechanism, words[1] if len(words) == 2 else None)
        if isinstance(login, Login):
            return await self._check(login)
        if login is Garbled.REFUSED:
            return await self._auth_failed("")
        return replies.AUTH_CANCELLED if login is Garbled.CANCELLED else replies.AUTH_GARBLED

    def _auth_refusal(self) -> Reply | None:
        """Why there can be no AUTH now, or None."""
        if self.shared.offers.auth == "never":
            return replies.NOT_IMPLEMENTED
        if not self.talk.extended:
            return replies.EHLO_FIRST
        if self.talk.credential is not None:
            return replies.AUTH_TWICE
        if self.talk.reverse_path is not None:
            return replies.AUTH_IN_MAIL
        return None if self._auth_allowed() else replies.AUTH_NEEDS_TLS

    async def _check(self, login: Login) -> Reply:
        """Have the handler look at a user and password, unless this client guessed too often."""
        if self.shared.guard.locked(self.talk.client_address, login.user, self.shared.clock()):
            self.shared.log.warning("%s: AUTH as %r is locked", self.talk.client_address, login.user[:128])
            return replies.AUTH_LOCKED
        try:
            credential = await self.shared.handler.auth(self.talk, login.user, login.password)
        except Exception:
            self.shared.log.exception("%s: cannot check AUTH", self.talk.client_address)
            return replies.AUTH_UNAVAILABLE
        if credential is None:
            return await self._auth_failed(login.user)
        self.shared.guard.succeeded(self.talk.client_address, login.user)
        self.talk.credential = credential
        self._idle = self._mistakes = 0
        self.shared.authenticated(self)
        return replies.AUTHENTICATED

    async def _auth_failed(self, user: str) -> Reply:
        """Count, wait, refuse."""
        failure = self.shared.guard.failed(self.talk.client_address, user, self.shared.clock())
        self._auth_failures += 1
        self.shared.log.warning("%s: AUTH failed as %r, %d times", self.talk.client_address, user[:128], failure.count)
        await asyncio.sleep(failure.delay)
        if failure.spent or self._auth_failures >= self.limits.auth_failures_per_connection:
            return replies.AUTH_SPENT
        return replies.AUTH_FAILED

    # Message

    async def mail(self, argument: bytes) -> Reply:
        """MAIL FROM (RFC 5321 section 4.1.1.2): begin a message."""
        if not self.talk.client_name:
            return replies.EHLO_FIRST
        if self.talk.reverse_path is not None:
            return replies.NESTED_MAIL
        if self._messages >= self.limits.messages_per_connection:
            return replies.TOO_MANY_MESSAGES
        command = parse_mail(
            argument,
            extended=self.talk.extended,
            dsn=self.shared.offers.dsn,
            max_size=self.limits.max_message_size,
        )
        if isinstance(command, Reply):
            return command
        self.talk.smtputf8 = "SMTPUTF8" in command.parameters
        refusal = await self._ask(self.shared.handler.mail(self.talk, command.path, command.parameters))
        if refusal is not None:
            self._forget_message()
            return refusal
        self.talk.reverse_path, self.talk.mail_parameters = command.path, command.parameters
        return replies.SENDER_OK

    async def rcpt(self, argument: bytes) -> Reply:
        """RCPT TO (RFC 5321 section 4.1.1.3): note one more recipient, each once."""
        if self.talk.reverse_path is None:
            return replies.MAIL_FIRST
        command = parse_rcpt(
            argument, extended=self.talk.extended, dsn=self.shared.offers.dsn, smtputf8=self.talk.smtputf8
        )
        refusal = command if isinstance(command, Reply) else await self._add(command)
        if refusal is None:
            return replies.RECIPIENT_OK
        self._refused_now += 1
        self._refused += 1
        if self.limits.refused_recipients is not None and self._refused > self.limits.refused_recipients:
            return replies.TOO_MANY_REFUSED
        return refusal

    async def _add(self, command: PathCommand) -> Reply | None:
        """Keep a recipient that was not named before; None, or the reply that refuses it."""
        local, _, domain = command.path.rpartition("@")
        key = f"{local}@{domain.lower()}"
        if key in self._seen_forward_paths:
            return None
        if len(self.talk.forward_paths) >= self.limits.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        refusal = await self._ask(self.shared.handler.rcpt(self.talk, command.path, command.parameters))
        if refusal is None:
            self._seen_forward_paths.add(key)
            self.talk.forward_paths.append((command.path, command.parameters))
        return refusal

    async def data(self, argument: bytes) -> Reply:
        """DATA (RFC 5321 section 4.1.1.4): take the content, hand it over, answer for it."""
        if argument:
            return replies.BAD_ARGUMENT
        if self.talk.reverse_path is None:
            return replies.MAIL_FIRST
        if not self.talk.forward_paths:
            return replies.NO_VALID_RECIPIENTS if self._refused_now else replies.RCPT_FIRST
        self.say(replies.START_DATA)
        reader = DataReader(max_size=self.limits.max_message_size, max_line=self.limits.max_line)
        await self._receive(reader)
        reply = await self._hand_over(reader)
        self._forget_message()
        return reply

    async def _receive(self, reader: DataReader) -> None:
        """Read up to the end of data. CutOffError for a sender that is too slow, or sends far too much."""
        began = self.loop.time()
        rest = None
        while rest is None:
            in_all = began + self.limits.content_grace + reader.received / self.limits.content_rate
            block = await self.read_block(min(in_all, self.loop.time() + self.limits.idle))
            rest = reader.feed(block)
            if reader.received > 2 * self.limits.max_message_size + self.limits.max_line:
                raise CutOffError(replies.FAR_TOO_LARGE)
        self.put_back(rest)

    async def _hand_over(self, reader: DataReader) -> Reply:
        """Give the content to the handler. The client may hang up meanwhile: that changes nothing."""
        if reader.too_large:
            return replies.TOO_LARGE
        if reader.long_line:
            return replies.TEXT_LINE_TOO_LONG
        self.talk.bare_newlines, self.talk.nul = reader.bare, reader.nul
        reply = await self._ask(self.shared.handler.data(self.talk, reader.content)) or replies.OK
        if reply.positive:
            self._messages += 1
            self._idle = self._mistakes = 0
        return reply

    async def _ask(self, answer: Awaitable[Reply | None]) -> Reply | None:
        """Wait for the handler. What it raises is our fault, not the client's: 451, and all of it in the log."""
        try:
            return await answer
        except Exception:
            self.shared.log.exception("%s: fault while handling mail", self.talk.client_address)
            return replies.LOCAL_ERROR

    def _forget_message(self) -> None:
        self.talk.forget_message()
        self._seen_forward_paths.clear()
        self._refused_now = 0

    def _log_refusal(self, verb: str, reply: Reply) -> None:
        self.shared.log.info("%s: %r answered %s", self.talk.client_address, verb[:16], reply)
