"""
Recipients, and addresses that are suppressed, as people look at them.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass

from store.events import Event
from store.nouns import Reason, RecipientStatus, State, TrackingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRow:
    """One recipient with what is known of its message. Times are Unix seconds; None: it did not happen."""

    recipient_id: int
    message_id: int
    forward_path: str
    subject: str
    customer: str
    invoice: str
    header_from: str
    header_message_id: str
    accepted_at: float
    status: RecipientStatus
    state: State
    reason: Reason | None = None
    rule: str = ""
    permanent: bool | None = None
    mistyped: bool | None = None
    attempts: int = 0
    next_attempt_at: float | None = None
    last_reply: str = ""
    remote_host: str = ""
    remote_address: str = ""
    tls: str = ""
    in_doubt: bool = False
    settled_at: float | None = None
    delivered_at: float | None = None
    bounced_at: float | None = None
    opened_at: float | None = None  # first by a person
    last_opened_at: float | None = None
    opens: int = 0  # views by a person
    machine_opens: int = 0
    tracking: TrackingMode = TrackingMode.VERDICT
    no_pixel_why: str = ""
    caused_by: int | None = None  # suppressed: the recipient whose mail came back
    caused_at: float | None = None  # when that one bounced, or was accepted where that is not known
    caused_reason: Reason | None = None
    credential: str = ""  # what the message came by
    reverse_path: str = ""  # as the application gave it
    notify: str = ""  # as the application gave it (RFC 3461 section 4.1)


@dataclass(frozen=True, slots=True)
class Found:
    """One recipient and its whole story."""

    recipient: RecipientRow
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One suppressed address."""

    address_key: str  # what a list goes on after
    address: str
    reason: Reason
    caused_by: int | None  # recipient; None: a person added it
    at: float
    expires_at: float | None
    note: str
