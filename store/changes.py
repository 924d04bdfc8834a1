"""
What ``Queue.settle`` hands to a decision, and what the decision hands back.

A decision is a pure function ``RecipientFacts -> Change | None``; the store reads the facts and applies the change in
one transaction, so nothing can slip between.

Pure: no I/O, no clock, no chance.
"""

from store.events import Event
from store.nouns import Reason, RecipientStatus, State
from store.plain import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressHistory:
    """What other mails to the same address (its ``address_key``) came to. This recipient is not counted."""

    delivered_before: bool = False  # delivered, and not bounced later
    opened_before: bool = False  # by a person
    full_since: float | None = None  # the first of the unbroken run of mailbox_full bounces
    full_mails: int = 0  # how many that run has
    last_delivered_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFacts:
    """One recipient as it stands."""

    recipient_id: int
    message_id: int
    forward_path: str
    address_key: str
    status: RecipientStatus
    state: State
    reason: Reason | None
    attempts: int  # counted so far
    accepted_at: float
    expires_at: float
    delivered_at: float | None
    opened_at: float | None  # first by a person
    bounced_at: float | None
    reports: int  # rows of store.reports of kind "bounce" kept for it so far
    in_doubt: bool
    history: AddressHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSuppression:
    """An address that mail is no longer sent to, and the recipient whose failure caused it."""

    address_key: str
    address: str
    reason: Reason
    caused_by: int
    at: float
    expires_at: float | None = None  # None: until someone lifts it


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    What becomes of a recipient. A field at its default leaves its column as it is.

    A ``state`` of DUE, HELD or SETTLED ends the claim; DUE wants ``next_attempt_at``. Whatever changes ``status`` or
    ``state`` brings its event (promise 2).
    """

    status: RecipientStatus | None = None
    state: State | None = None
    reason: Reason | None = None
    rule: str = ""
    permanent: bool | None = None
    next_attempt_at: float | None = None
    count_attempt: bool = False
    last_reply: str = ""
    remote_host: str = ""
    remote_address: str = ""
    tls: str = ""
    delivered_at: float | None = None
    bounced_at: float | None = None
    mistyped: bool | None = None  # no_such_user at an address that never took a mail: probably a typing error
    in_doubt: bool | None = None  # the outcome of this attempt is not known: the next one may be a duplicate
    events: tuple[Event, ...] = ()
    suppress: NewSuppression | None = None
    lift: bool = False  # delete the suppression of the address: a delivery proved it wrong
