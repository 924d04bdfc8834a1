"""
The client's side of SMTP as a state machine: replies in, commands out, no socket.

A session is set up once (greeting, EHLO, STARTTLS, AUTH) and carries one mail after the other, one recipient each.
Its driver (``connection.py``) moves the bytes and is told by ``Step`` what else is wanted of it. The laws:

1. Success is only ever a 2xx that came after the final dot was sent.
2. The final dot of a content is sent only after 2xx to RCPT and 354; where 354 comes although RCPT was refused, a
   lone dot is sent and what is said to it means nothing.
3. Each command's reply is its own: the first refusal of a mail is that mail's reply.
4. What is missing from the table is the other side's error: the session ends, and the mail is tried again.

Pure: no I/O, no clock, no chance.
"""

import base64
from enum import Enum
from typing import Literal

from relay.delivery.envelope import FINAL_DOT, Envelope, Offers, mail_command, rcpt_command, read_offers
from relay.delivery.replies import BadReply, ReplyParser, shorten
from relay.delivery.states import PHASES, SETTING_UP, TRANSITIONS, State
from store.nouns import Phase, Reason, Reply
from store.plain import dataclass

TlsPolicy = Literal["opportunistic", "required", "implicit", "off"]


class Step(Enum):
    """What the driver has to do now, beside writing what ``take_output`` gives."""

    READ = "read"  # nothing: wait for more
    HANDSHAKE = "handshake"  # make TLS, then call ``secured``
    READY = "ready"  # the session is set up; ``start`` a mail
    CONTENT = "content"  # 354: call ``dot_sent`` and write the content; or, with ``in_chunks``, write the next chunk
    DONE = "done"  # see ``outcome``: the set-up failed, or the mail ended


_STEPS = {
    State.HANDSHAKE: Step.HANDSHAKE,
    State.READY: Step.READY,
    State.CONTENT: Step.CONTENT,
    State.CHUNK: Step.CONTENT,
}
# Sets, since a state is looked for in them at each reply.
_OF_A_MAIL = frozenset((State.MAIL, State.RCPT, State.DATA, State.END_OF_DATA, State.CONTENT, State.CHUNK))
_ENDS = frozenset((State.DELIVERED, State.REFUSED, State.CLOSED))
_SAID = frozenset((State.EHLO, State.HELO, State.AUTH_USER, State.AUTH_PASSWORD, State.LONE_DOT))
# Octets of a mail from which it goes in chunks where they are offered: the dots of a large one need no stuffing, and a
# server that refuses it in the middle keeps the session.
CHUNKED = 256 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the set-up of a session failed, or how a mail ended."""

    phase: Phase
    reply: Reply | None  # None: there was no reply, see why
    why: str = ""
    reason: Reason | None = None  # None: classify the reply
    permanent: bool | None = None  # None: as the reply says
    status: str = ""  # enhanced code of our own finding
    unknown: bool = False  # lost behind the final dot
    stale: bool = False  # a kept connection was gone before it took anything of this mail
    again: bool = False  # BDAT was offered and is not known: once more, by DATA

    @property
    def delivered(self) -> bool:
        """Whether the other side took the mail."""
        return self.phase is Phase.END_OF_DATA and self.reply is not None and self.reply.positive


class Dialogue:
    """One session with one server. ``user`` and ``password`` are those of a smarthost, said under TLS only."""

    def __init__(
        self, *, hostname: str, tls: TlsPolicy, user: str = "", password: str = "", chunking: bool = True
    ) -> None:
        self.state = State.GREETING
        self.offers = Offers()
        self.secure = tls == "implicit"
        self.outcome: Outcome | None = None  # of the set-up when it failed; else of the latest mail
        self.mails = 0  # begun in this session
        self._hostname = hostname
        self._starttls = tls in ("opportunistic", "required")
        self._required = tls == "required"
        self._user, self._password = user, password
        self._chunking = chunking
        self.in_chunks = False  # this mail's content
        self.heard: list[Reply] = []  # since the driver took them
        self._parser = ReplyParser()
        self._output: list[bytes] = []
        self._commands: dict[State, bytes] = {}  # of this mail, by the state that waits for their reply
        self._refusal: Outcome | None = None
        self._accepted = False  # something of this mail got a 2xx

    @property
    def usable(self) -> bool:
        """Whether another mail may be started."""
        return self.state is State.READY

    @property
    def closed(self) -> bool:
        """Whether the session is over: nothing more is said or heard."""
        return self.state is State.CLOSED

    def _handing_over(self) -> bool:
        return self.state is State.HANDSHAKE

    @property
    def phase(self) -> Phase:
        """Where we are, as an attempt tells it."""
        return PHASES.get(self.state, Phase.MAIL)

    def take_output(self) -> bytes:
        """Give what is to be written now, once."""
        if not self._output:
            return b""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes) -> Step:
        """Take bytes of the other side. In CLOSED they are passed over."""
        if self.closed:
            return Step.READ
        if self._handing_over():
            return self._broken("talk before TLS")  # response injection, RFC 3207 section 6
        step = Step.READ
        self._parser.feed(data)
        try:
            while not self.closed and (reply := self._parser.next()) is not None:
                self.heard.append(reply)
                taken = self._take(reply)
                step = taken if taken is not Step.READ else step
                if self._handing_over() and not self._parser.empty:
                    return self._broken("talk before TLS")
        except BadReply as error:
            step = self._broken(str(error))
        return step

    def secured(self) -> None:
        """Go on under TLS, with nothing known from before (RFC 3207 section 4.2)."""
        self.secure = True
        self.offers = Offers()
        self._say(State.EHLO, f"EHLO {self._hostname}".encode())

    def start(self, mail: Envelope) -> None:
        """Begin a mail: all its commands at once where PIPELINING is offered. Only when ``usable``."""
        assert self.state is State.READY
        self.outcome = self._refusal = None
        self._accepted = False
        self._commands = {State.MAIL: mail_command(mail, self.offers), State.RCPT: rcpt_command(mail, self.offers)}
        self.in_chunks = self._chunking and self.offers.chunking and mail.size >= CHUNKED
        if not self.in_chunks:
            self._commands[State.DATA] = b"DATA\r\n"
        self.state = State.MAIL
        if self.mails:
            self._commands = {State.RSET: b"RSET\r\n", **self._commands}
            self.state = State.RSET
        self.mails += 1
        if self.offers.pipelining:
            self._output.extend(self._commands.values())
            self._commands.clear()
        else:
            self._output.append(self._commands[self.state])

    def dot_sent(self) -> None:
        """The driver is about to write the final dot, or BDAT LAST: from here on the outcome may be unknown."""
        assert self.state in (State.CONTENT, State.CHUNK)
        self.state = State.END_OF_DATA

    def quit(self) -> None:
        """Say QUIT; its reply is not waited for."""
        self.state = State.CLOSED
        self._output.append(b"QUIT\r\n")

    def lost(self, why: str) -> Step:
        """
        Take note that the connection is gone, or given up by us: ``why`` tells it in plain words.

        A refusal that was already said stands.
        """
        state, self.state = self.state, State.CLOSED
        if state in (State.READY, State.CLOSED):
            return Step.READ
        self.outcome = self._refusal or Outcome(
            PHASES[state],
            None,
            why,
            Reason.CONNECTION_FAILED,
            permanent=False,
            unknown=state is State.END_OF_DATA,
            stale=self._stale(state),
        )
        return Step.DONE

    def _stale(self, state: State) -> bool:
        return self.mails > 1 and state in (State.RSET, State.MAIL) and not self._accepted

    def _broken(self, why: str) -> Step:
        """End the session for an error of the other side."""
        state, self.state = self.state, State.CLOSED
        if state in (State.READY, State.CLOSED):
            return Step.READ
        self.outcome = self._refusal or Outcome(
            PHASES[state],
            None,
            f"the server sent {why}",
            Reason.SYSTEM_ERROR,
            permanent=False,
            unknown=state is State.END_OF_DATA,
        )
        return Step.DONE

    def _take(self, reply: Reply) -> Step:
        state = self.state
        if state is State.READY:  # mostly 421 at the end of the server's patience
            self.state = State.CLOSED
            return Step.READ
        following = TRANSITIONS.get((state, reply.code // 100))
        if reply.code == 421 or (state in SETTING_UP and following is None and not reply.positive):
            return self._end_session(state, reply)
        if following is None:
            if state is State.RSET:
                return self._end_session(state, reply)
            return self._broken(f"{reply.code} where it means nothing")
        if state in _OF_A_MAIL:
            if reply.positive:
                self._accepted = True
            else:
                unknown = state is State.CHUNK and 500 <= reply.code <= 504
                self._refusal = Outcome(PHASES[state], shorten(reply), again=unknown)
                self._chunking = self._chunking and not unknown
        return self._enter(following, reply)

    def _end_session(self, state: State, reply: Reply) -> Step:
        """421, a refusal while setting up, or RSET refused: the session is over, its reply is the outcome."""
        self.state = State.CLOSED
        if PHASES[state] is Phase.AUTH:
            # It is about our credentials, not about the recipient: never a bounce.
            why = "the server did not take our user name and password"
            reason, permanent = Reason.CONNECTION_FAILED, False
            self.outcome = Outcome(Phase.AUTH, shorten(reply), why, reason, permanent=permanent)
        else:
            self.outcome = self._refusal or Outcome(PHASES[state], shorten(reply), stale=self._stale(state))
        return Step.DONE

    def _enter(self, state: State, reply: Reply) -> Step:
        previous, self.state = self.state, state
        if state is State.OFFERED:
            return self._offered(previous, reply)
        if state is State.DELIVERED:
            self._refusal = Outcome(Phase.END_OF_DATA, shorten(reply))
        if state in _ENDS:
            return self._end_mail()
        if state is State.DATA and self.in_chunks:
            self.state = state = State.CHUNK
        not_sent = self._commands or (self.in_chunks and state is State.SKIP_DATA)  # in lock step, or no DATA at all
        if state in (State.SKIP_RCPT, State.SKIP_DATA) and not_sent:
            return self._end_mail()
        words = self._words(state)
        if words:
            self._output.append(words)
        return _STEPS.get(state, Step.READ)

    def _words(self, state: State) -> bytes:
        """Give what is said on entering a state: nothing where it was sent along, or where the driver acts."""
        if state not in _SAID:
            return self._commands.get(state, b"")
        match state:
            case State.AUTH_USER:
                return _base64(self._user) + b"\r\n"
            case State.AUTH_PASSWORD:
                return _base64(self._password) + b"\r\n"
            case State.LONE_DOT:
                return FINAL_DOT
            case _:
                return f"{state.upper()} {self._hostname}\r\n".encode()

    def _end_mail(self) -> Step:
        if self.state is not State.CLOSED:
            self.state = State.READY
        self.outcome = self._refusal
        return Step.DONE

    def _offered(self, previous: State, reply: Reply) -> Step:
        """Choose what follows EHLO: TLS, then AUTH, then mail."""
        if previous is State.EHLO:
            self.offers = read_offers(reply)
        if previous is State.STARTTLS:
            self._starttls = False  # it was refused
        if self._starttls and self.offers.starttls and not self.secure:
            self._say(State.STARTTLS, b"STARTTLS")
            return Step.READ
        if self._required and not self.secure:
            return self._fail(Phase.TLS, "the server offers no TLS, which is required here", "4.7.10")
        if not self._user:
            self.state = State.READY
            return Step.READY
        if not self.secure:
            return self._fail(Phase.AUTH, "the server offers no TLS, and a password is never sent in clear", "4.7.11")
        if "PLAIN" in self.offers.auth:
            self._say(State.AUTH_PLAIN, b"AUTH PLAIN " + _base64(f"\0{self._user}\0{self._password}"))
        elif "LOGIN" in self.offers.auth:
            self._say(State.AUTH_LOGIN, b"AUTH LOGIN")
        else:
            return self._fail(Phase.AUTH, "the server offers no way to log in that we know (PLAIN, LOGIN)", "4.7.0")
        return Step.READ

    def _fail(self, phase: Phase, why: str, status: str) -> Step:
        self.state = State.CLOSED
        self.outcome = Outcome(phase, None, why, Reason.CONNECTION_FAILED, permanent=False, status=status)
        return Step.DONE

    def _say(self, state: State, line: bytes) -> None:
        self.state = state
        self._output.append(line + b"\r\n")


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())
