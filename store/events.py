"""
The facts: a class for each kind of event, written once, in the transaction that makes it true.

The log line, ``homing tail``, webhooks, metrics and pages all read these events. None of them has its own idea of
what happened.

Pure: no I/O, no clock, no chance.
"""

from typing import ClassVar

from store.nouns import Reason, Verdict
from store.plain import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One fact about one recipient.

    Only the fields that a kind's own class names are meaningful for it; the others keep their empty default.
    """

    kind: ClassVar[str] = ""

    message_id: int
    recipient_id: int
    at: float
    reason: Reason | None = None
    rule: str = ""  # the rule that named the reason, or gave the verdict
    reply: str = ""  # the peer's own words, code first
    status: str = ""  # enhanced status code, "5.1.1"
    remote_host: str = ""
    remote_address: str = ""
    tls: str = ""
    attempt: int = 0  # number of the attempt, from 1
    next_attempt_at: float | None = None
    caused_by: int | None = None  # recipient whose failure caused this (suppressed)
    verdict: Verdict | None = None
    note: str = ""  # plain words: "possible duplicate", "report names another recipient", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Event):
    """We said 250 for it, or are about to: promise 1."""

    kind: ClassVar[str] = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred(Event):
    """An attempt failed for now. reason, reply or note, next_attempt_at. Also a report that says "still trying"."""

    kind: ClassVar[str] = "deferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Event):
    """The recipient's server answered 250. reply, remote_host, tls; note "possible duplicate" where it may be one."""

    kind: ClassVar[str] = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced(Event):
    """Refused for good, in the session or by a later report. reason, rule, reply or note."""

    kind: ClassVar[str] = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed(Event):
    """Not sent: an earlier mail to this address came back. caused_by names the recipient whose mail it was."""

    kind: ClassVar[str] = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Event):
    """We kept trying and gave up. reply holds the last one."""

    kind: ClassVar[str] = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Event):
    """A person stopped it."""

    kind: ClassVar[str] = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Event):
    """The pixel was loaded. verdict says by what; only a person or a proxy makes the status Opened."""

    kind: ClassVar[str] = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complained(Event):
    """The recipient marked it as spam (RFC 5965)."""

    kind: ClassVar[str] = "complained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoresponded(Event):
    """An automatic reply came back (RFC 3834), or a demand to confirm by hand."""

    kind: ClassVar[str] = "autoresponded"


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        Accepted,
        Deferred,
        Delivered,
        Bounced,
        Suppressed,
        Expired,
        Cancelled,
        Opened,
        Complained,
        Autoresponded,
    )
}
