"""
The words of webhooks: who is told of events, and each call that tells it.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_BATCH = 1_000  # events of one call


class Shape(StrEnum):
    """What the body of a call looks like: ours, or that of a service people come from."""

    HOMING = "homing"
    POSTMARK = "postmark"
    MAILGUN = "mailgun"
    SENDGRID = "sendgrid"


class CallState(StrEnum):
    """Where a call stands."""

    DUE = "due"  # waits for next_attempt_at, or is being made
    DELIVERED = "delivered"  # answered 2xx
    FAILED = "failed"  # given up; only a person sends it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One endpoint, and what it wants to know."""

    id: int
    url: str
    description: str = ""
    kinds: tuple[str, ...] = ()  # of events; none: all
    tags: tuple[str, ...] = ()  # only mails with one of these; none: all
    customers: tuple[str, ...] = ()  # only mails of these; none: all
    shape: Shape = Shape.HOMING
    batch_size: int = 1  # events of one call at most; 1: no batches, and the body is no array
    batch_seconds: float = 0.0  # a batch that is not full waits no longer than this
    secret: str = ""  # "whsec_" and the base64 of 32 random octets
    previous_secret: str = ""  # signs as well until previous_until
    previous_until: float | None = None
    enabled: bool = True
    off_at: float | None = None
    off_why: str = ""  # in plain words
    created_at: float = 0.0
    position: int = 0  # of the journal: all up to it is in calls
    failing_since: float | None = None  # when the first of the failures came that no success followed

    def secrets(self, now: float) -> tuple[str, ...]:
        """Give the secrets that sign now, the newest first."""
        both = self.previous_secret and self.previous_until is not None and now < self.previous_until
        return (self.secret, self.previous_secret) if both else (self.secret,)

    def wants(self, kind: str, tags: Sequence[str], customer: str) -> bool:
        """Whether it is told of an event of a mail with these tags and this customer."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.customers or customer in self.customers)
            and (not self.tags or not set(self.tags).isdisjoint(tags))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call that is to be made."""

    name: str  # the header webhook-id: the same for the same events, however often they are told
    body: str
    recipients: tuple[int, ...]  # whom it is about
    events: int
    first_event_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, as it stands."""

    id: int
    webhook_id: int
    name: str
    body: str
    events: int
    first_event_at: float
    state: CallState
    attempts: int
    next_attempt_at: float | None
    last_status: int | None = None  # HTTP status of the last answer; None: there was none
    last_error: str = ""  # why the last attempt failed; "" where it did not


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAttempt:
    """One attempt at a call."""

    id: int
    call_id: int
    at: float
    seconds: float
    status: int | None  # None: there was no answer
    error: str  # "" where it succeeded
    answer: str  # the first characters of what was said; for admins only


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How an attempt ended, and what follows from it."""

    call_id: int
    webhook_id: int
    at: float
    seconds: float
    status: int | None
    error: str
    answer: str
    state: CallState
    next_attempt_at: float | None  # with DUE
    answered_well: bool  # 2xx: the endpoint is no longer failing
    off_why: str = ""  # why the endpoint is switched off: now, or, with dead_before, if it fails for so long already
    dead_before: float | None = None  # only an endpoint that fails since then or earlier is switched off
