"""
One client's session: greeting, commands in order, farewell, and the verbs that hand over no mail.

One method for each verb; each gives the reply as a value. RFC 5321, 2034 (enhanced codes), 2920 (PIPELINING),
3207 (STARTTLS), 4954 (AUTH). The verbs of mail are in ``relay/submission/protocol.py``.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from relay.submission import auth, replies
from relay.submission.auth import AuthGuard, Garbled, Login
from relay.submission.commands import parse_hello, split_command
from relay.submission.connection import NO_LETTERS, Connection, CutOffError, GoneError
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
    authenticated: Callable[["SmtpSession"], None]  # told once per connection


class SmtpSession(Connection):
    """One client's session, from greeting to farewell. Who adds verbs puts them into ``verbs``."""

    def __init__(self, shared: Shared, client_address: str) -> None:
        super().__init__(hostname=shared.hostname, tls=shared.tls, limits=shared.limits)
        self.shared = shared
        self.talk = Session(client_address=client_address)
        self._mistakes = 0
        self._idle = 0
        self._auth_failures = 0
        self._commands = 0
        self.verbs: dict[str, Callable[[bytes], Awaitable[Reply | None]]] = {
            "EHLO": self.ehlo,
            "HELO": self.helo,
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
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
        known = verb == "BDAT" and self.discarding
        reply = await self._obey(verb, argument, line)
        if reply is None:
            return True
        if reply.code in _MISTAKES and verb != "RCPT" and not known:
            self._mistakes += 1
            if self._mistakes > self.limits.bad_commands:
                reply = replies.TOO_MANY_ERRORS
        self.say(reply)
        if not reply.positive:
            self._log_refusal(verb, reply)
        return reply.code not in (221, 421) and reply is not replies.NO_SERVICE

    async def _obey(self, verb: str, argument: bytes, line: bytes) -> Reply | None:
        """Give the reply to one line; None when there is none to give."""
        too_long = not line or (len(line) > self.limits.max_command and verb != "AUTH")
        if verb.startswith("BDAT") and (too_long or verb != "BDAT" or not line.endswith(b"\r\n")):
            return replies.CHUNK_LOST  # what follows is a chunk: to go on would be to take mail for commands
        if too_long:
            return replies.LINE_TOO_LONG
        if verb in _HTTP or line[0] in NO_LETTERS:
            return replies.NO_SERVICE
        if not line.endswith(b"\r\n"):
            return replies.BARE_LINE_END
        if verb in _IDLE and self.too_idle():
            return replies.TOO_IDLE
        act = self.verbs.get(verb)
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
        self.forget_message()
        self.talk.client_name = name
        self.talk.extended = extended
        return None

    def _keywords(self) -> list[str]:
        keywords = ["PIPELINING", "CHUNKING", f"SIZE {self.limits.max_message_size}", "8BITMIME", "SMTPUTF8"]
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
        self.forget_message()
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
        self.forget_message()
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
        self.count_anew()
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

    # For the verbs of mail

    def forget_message(self) -> None:
        """Drop the message that was begun, if any."""
        self.talk.forget_message()

    @property
    def discarding(self) -> bool:
        """Whether chunks are thrown away since an earlier one was refused: theirs are no new mistakes."""
        return False

    def too_idle(self) -> bool:
        """Count a command that leads nowhere by itself; True when it is one too many."""
        self._idle += 1
        return self._idle > self.limits.idle_commands

    def count_anew(self) -> None:
        """Forget bad and idle commands: the client did something useful."""
        self._idle = self._mistakes = 0

    async def ask(self, answer: Awaitable[Reply | None]) -> Reply | None:
        """Wait for the handler. What it raises is our fault, not the client's: 451, and all of it in the log."""
        try:
            return await answer
        except Exception:
            self.shared.log.exception("%s: fault while handling mail", self.talk.client_address)
            return replies.LOCAL_ERROR

    def _log_refusal(self, verb: str, reply: Reply) -> None:
        self.shared.log.info("%s: %r answered %s", self.talk.client_address, verb[:16], reply)
