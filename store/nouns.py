"""
The words of the product as types: what is sent, to whom, and what became of it.

Names come from the RFCs: reverse-path, forward-path, reply, enhanced status code. Times are Unix seconds, UTC,
in fields that end in ``_at``. Ids are 64-bit and made by ``store/ids.py``.

Pure: no I/O, no clock, no chance.
"""

import re
from dataclasses import field
from enum import StrEnum
from typing import NamedTuple, Self

from store.plain import dataclass

# RFC 3463 section 2:  status-code = class "." subject "." detail
#   class = "2" / "4" / "5"      subject, detail = 1*3DIGIT
_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")  # [0-9]: \d also takes other scripts' digits


class Status(NamedTuple):
    """An enhanced status code (RFC 3463)."""

    category: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.category}.{self.subject}.{self.detail}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read ``5.1.1`` when it is all of ``text``; None for anything else."""
        match = _STATUS.fullmatch(text)
        return cls(*map(int, match.groups())) if match else None


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One SMTP reply (RFC 5321 section 4.2), ours or a peer's.

    ``lines`` is the text of each line without its code, separator and line end; the enhanced status code is still
    in it when a peer said it (a reply of ours gets its code from ``status``).
    """

    code: int
    status: Status | None
    lines: tuple[str, ...]

    @classmethod
    def make(cls, code: int, status: str | None, *lines: str) -> Self:
        """Build a reply of ours: ``Reply.make(452, "4.5.3", "Too many recipients")``."""
        return cls(code, Status.parse(status) if status else None, lines)

    @property
    def text(self) -> str:
        """All lines in one, joined with blanks."""
        return " ".join(self.lines)

    @property
    def positive(self) -> bool:
        """2xx or 3xx."""
        return 200 <= self.code < 400

    @property
    def permanent(self) -> bool:
        """5xx: the same command will fail again."""
        return 500 <= self.code < 600

    def render(self) -> bytes:
        """Give the reply as it goes over the wire, each line ended by CRLF (RFC 5321 section 4.2.1, RFC 2034)."""
        prefix = f"{self.status} " if self.status else ""
        lines = self.lines or ("",)
        last = len(lines) - 1
        wire = (f"{self.code}{' ' if n == last else '-'}{prefix}{line}\r\n" for n, line in enumerate(lines))
        return "".join(wire).encode("utf-8")

    def __str__(self) -> str:
        prefix = f"{self.status} " if self.status and not self.text.startswith(str(self.status)) else ""
        return f"{self.code} {prefix}{self.text}".rstrip()


class Phase(StrEnum):
    """Where an attempt ended."""

    CHECK = "check"  # our own checks of address and size, before any look-up
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end_of_data"


class Reason(StrEnum):
    """Why a recipient bounced, is deferred or was not delivered: one vocabulary for replies, reports, findings."""

    MAILBOX_FULL = "mailbox_full"
    MESSAGE_TOO_LARGE = "message_too_large"
    ACCOUNT_DISABLED = "account_disabled"
    NO_SUCH_USER = "no_such_user"
    ADDRESS_INVALID = "address_invalid"
    DOMAIN_NOT_FOUND = "domain_not_found"
    SPAM_REJECTED = "spam_rejected"
    SENDER_BLOCKED = "sender_blocked"
    POLICY_REJECTED = "policy_rejected"
    AUTH_FAILED = "auth_failed"
    CONTENT_REJECTED = "content_rejected"
    RATE_LIMITED = "rate_limited"
    CONNECTION_FAILED = "connection_failed"
    SYSTEM_ERROR = "system_error"
    RELAY_DENIED = "relay_denied"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    UNDETERMINED = "undetermined"
    AUTO_REPLY = "auto_reply"
    CHALLENGE_RESPONSE = "challenge_response"
    COMPLAINT = "complaint"
    DELIVERED = "delivered"


class RecipientStatus(StrEnum):
    """What a recipient's events add up to, for people. The word shown is the value with a capital and blanks."""

    SENDING = "sending"
    DELIVERED = "delivered"
    OPENED = "opened"
    BOUNCED = "bounced"
    NOT_DELIVERED = "not_delivered"

    @property
    def word(self) -> str:
        """``Not delivered``, as pages, views and the command line say it."""
        return self.value.replace("_", " ").capitalize()


class State(StrEnum):
    """Where a recipient stands in the queue. Only ``store/queue.py`` changes it."""

    DUE = "due"  # waits for next_attempt_at
    CLAIMED = "claimed"  # one node works on it
    HELD = "held"  # an operator, or our own doubt, keeps it back
    SETTLED = "settled"  # nothing more will be sent


class TrackingMode(StrEnum):
    """How much is kept about opens, from strictest to loosest. The strictest stated wins."""

    OFF = "off"
    COUNT = "count"
    VERDICT = "verdict"
    FULL = "full"


class Verdict(StrEnum):
    """What fetched a pixel."""

    PERSON = "person"
    PROXY = "proxy"  # a provider's proxy that fetches on display: a person, time right, place unknown
    UNCERTAIN = "uncertain"
    PREFETCH = "prefetch"  # loaded whether or not anybody reads: cannot be known
    SCANNER = "scanner"
    PROBE = "probe"
    OWN = "own"

    @property
    def by_person(self) -> bool:
        """Whether this open makes a recipient Opened."""
        return self in (Verdict.PERSON, Verdict.PROXY)


class Role(StrEnum):
    """What a person may do on the pages; each may what the one before may."""

    VIEWER = "viewer"  # look
    OPERATOR = "operator"  # send again, stop, suppress, lift
    ADMIN = "admin"  # people, credentials, webhooks, the mails' source

    def may(self, needed: "Role") -> bool:
        """Whether this is ``needed`` or more."""
        order = tuple(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class ContentRef:
    """Where a content lies. In a segment file on SQLite; on PostgreSQL ``segment`` and ``offset`` are 0."""

    message_id: int
    segment: int
    offset: int
    length: int  # octets of the content itself


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """What one SMTP transaction handed over, as it is written at acceptance."""

    id: int
    accepted_at: float
    expires_at: float  # when the schedule gives up
    credential: str  # name of the credential or trusted network it came by
    reverse_path: str  # as given in MAIL FROM, without its angle brackets; "" is the null path
    header_from: str = ""  # address in From:
    header_to: str = ""  # the To field decoded, one line: names and addresses as the mail shows them
    subject: str = ""  # decoded
    header_message_id: str = ""  # the application's Message-ID, or the one we added; without its angle brackets
    size: int = 0  # octets as stored
    smtputf8: bool = False  # MAIL FROM carried SMTPUTF8 (RFC 6531)
    eight_bit: bool = False  # the content has octets over 127
    envelope_id: str = ""  # ENVID, decoded from xtext (RFC 3461 section 4.4)
    ret: str = ""  # "FULL", "HDRS" or "" (RFC 3461 section 4.3)
    customer: str = ""
    invoice: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()  # what was wrong with control headers and the like, in plain words
    no_pixel_why: str = ""  # "" when a pixel goes in; else the reason in plain words, "plain text only"
    idempotency_key: str = ""
    prepended: bytes = b""  # header fields we put on top of each copy: Received, a missing Date or Message-ID
    client: str = ""  # address and name the client gave, for operators


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecipient:
    """One forward-path of a new message."""

    id: int
    forward_path: str  # as given in RCPT TO, without its angle brackets
    address_key: str  # see store.addresses.address_key: what suppressions and histories are found by
    domain: str  # A-labels, lower case; "" for an address without one that DNS can know
    tracking: TrackingMode = TrackingMode.VERDICT
    notify: str = ""  # "NEVER" or a comma list of SUCCESS, FAILURE, DELAY; "" when not given (RFC 3461 section 4.1)
    original_recipient: str = ""  # ORCPT as given, "rfc822;ann@example.org"
    ignore_suppression: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One claimed recipient: all that an attempt needs but the content."""

    recipient_id: int
    message_id: int
    forward_path: str
    domain: str
    reverse_path: str
    tracking: TrackingMode
    no_pixel_why: str
    prepended: bytes
    content: ContentRef
    smtputf8: bool
    accepted_at: float
    expires_at: float
    attempts: int  # made before this one; 0 for the first
    in_doubt: bool  # an earlier attempt ended behind the final dot without a result: this one may be a duplicate
    size: int
    eight_bit: bool
    header_from: str = ""  # address in From:
    envelope_id: str = ""
    ret: str = ""
    notify: str = ""
    original_recipient: str = ""
    asked: bool = False  # a person wants it tried now, also at a host that was down
    heard: int = -1  # what the store needs to mark its final dot at once, see store/dots.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt to deliver ended. A reply is a value, and so is its absence."""

    recipient_id: int
    at: float
    phase: Phase
    reply: Reply | None  # None: there was no reply, see why
    why: str = ""  # for the log and the page when there was no reply; may name hosts
    reason: Reason | None = None  # our own finding (null MX, too large for the peer); None: classify the reply
    permanent: bool | None = None  # goes with reason; None: as the reply says
    status: str = ""  # goes with reason: the enhanced code of our own finding, "5.1.10"; "" with a reply
    remote_host: str = ""
    remote_address: str = ""
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384 unverified", "" for clear text
    unknown_outcome: bool = False  # the connection was lost behind the final dot


class Open(NamedTuple):
    """One load of a pixel, judged."""

    recipient_id: int  # what the pixel's token holds: in mode "count" the id of the message
    at: float
    verdict: Verdict
    rule: str  # name of the rule that gave the verdict
    address: str = ""  # kept in mode "full" only
    agent: str = ""  # kept in mode "full" only
    client: str = ""  # name of the mail program; kept in mode "full" only, like the next two
    device: str = ""  # "phone", "tablet", "computer"
    country: str = ""  # ISO 3166-1, two letters


@dataclass(frozen=True, slots=True)
class TlsResult:
    """Sessions of one day with hosts of one domain that ended alike."""

    day: int  # since 1970, UTC
    domain: str  # whose mail it was
    facts: str  # policy and failure, JSON: relay/tls_report.py knows it
    sessions: int
