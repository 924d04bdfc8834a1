"""
The states of an SMTP session on the client's side, and what leads from one to the next.

Pure: no I/O, no clock, no chance.
"""

from enum import StrEnum

from store.nouns import Phase


class State(StrEnum):
    """What we wait for: mostly the reply to the command of that name."""

    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"
    OFFERED = "offered"  # the offers are read; never waited in
    STARTTLS = "starttls"
    HANDSHAKE = "handshake"  # the driver's
    AUTH_PLAIN = "auth_plain"
    AUTH_LOGIN = "auth_login"
    AUTH_USER = "auth_user"
    AUTH_PASSWORD = "auth_password"  # noqa: S105 - a state, no password
    READY = "ready"  # for the next mail
    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"  # the driver sends it
    CHUNK = "chunk"  # the content goes in chunks (BDAT): the driver sends the next one
    END_OF_DATA = "end_of_data"
    SKIP_RCPT = "skip_rcpt"  # refused at MAIL; RCPT and DATA were sent along
    SKIP_DATA = "skip_data"  # refused before DATA, which was sent along
    LONE_DOT = "lone_dot"
    REFUSED = "refused"  # never waited in
    DELIVERED = "delivered"  # never waited in
    CLOSED = "closed"


# (state we wait in, first digit of the reply) -> the next state
TRANSITIONS: dict[tuple[State, int], State] = {
    (State.GREETING, 2): State.EHLO,
    (State.EHLO, 2): State.OFFERED,
    (State.EHLO, 5): State.HELO,  # RFC 5321 section 3.2
    (State.HELO, 2): State.OFFERED,
    (State.STARTTLS, 2): State.HANDSHAKE,
    (State.STARTTLS, 4): State.OFFERED,  # 454 7.3: in clear, unless TLS is required
    (State.STARTTLS, 5): State.OFFERED,
    (State.AUTH_PLAIN, 2): State.READY,
    (State.AUTH_LOGIN, 3): State.AUTH_USER,
    (State.AUTH_USER, 3): State.AUTH_PASSWORD,
    (State.AUTH_PASSWORD, 2): State.READY,
    (State.RSET, 2): State.MAIL,
    (State.MAIL, 2): State.RCPT,
    (State.MAIL, 4): State.SKIP_RCPT,
    (State.MAIL, 5): State.SKIP_RCPT,
    (State.RCPT, 2): State.DATA,
    (State.RCPT, 4): State.SKIP_DATA,
    (State.RCPT, 5): State.SKIP_DATA,
    (State.DATA, 3): State.CONTENT,
    (State.DATA, 4): State.REFUSED,
    (State.DATA, 5): State.REFUSED,
    (State.CONTENT, 4): State.CLOSED,  # refused in the middle: there is no way back into step
    (State.CONTENT, 5): State.CLOSED,
    (State.CHUNK, 2): State.CHUNK,
    (State.CHUNK, 4): State.REFUSED,  # its octets were sent, so the session goes on (RFC 3030 section 2)
    (State.CHUNK, 5): State.REFUSED,
    (State.END_OF_DATA, 2): State.DELIVERED,
    (State.END_OF_DATA, 4): State.REFUSED,
    (State.END_OF_DATA, 5): State.REFUSED,
    (State.SKIP_RCPT, 2): State.SKIP_DATA,
    (State.SKIP_RCPT, 4): State.SKIP_DATA,
    (State.SKIP_RCPT, 5): State.SKIP_DATA,
    (State.SKIP_DATA, 3): State.LONE_DOT,
    (State.SKIP_DATA, 4): State.REFUSED,
    (State.SKIP_DATA, 5): State.REFUSED,
    (State.LONE_DOT, 2): State.REFUSED,
    (State.LONE_DOT, 4): State.REFUSED,
    (State.LONE_DOT, 5): State.REFUSED,
}

PHASES: dict[State, Phase] = {
    State.GREETING: Phase.GREETING,
    State.EHLO: Phase.EHLO,
    State.HELO: Phase.EHLO,
    State.STARTTLS: Phase.TLS,
    State.HANDSHAKE: Phase.TLS,
    State.AUTH_PLAIN: Phase.AUTH,
    State.AUTH_LOGIN: Phase.AUTH,
    State.AUTH_USER: Phase.AUTH,
    State.AUTH_PASSWORD: Phase.AUTH,
    State.READY: Phase.MAIL,
    State.RSET: Phase.MAIL,
    State.MAIL: Phase.MAIL,
    State.RCPT: Phase.RCPT,
    State.DATA: Phase.DATA,
    State.CONTENT: Phase.DATA,
    State.CHUNK: Phase.DATA,
    State.END_OF_DATA: Phase.END_OF_DATA,
    State.SKIP_RCPT: Phase.RCPT,
    State.SKIP_DATA: Phase.DATA,
    State.LONE_DOT: Phase.DATA,
}

SETTING_UP = frozenset(
    state for state, phase in PHASES.items() if phase in (Phase.GREETING, Phase.EHLO, Phase.TLS, Phase.AUTH)
)
