"""
Messages as people look at them, and what the lists give.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from typing import Literal

from store.nouns import Reason
from store.queries.page import Page
from store.queries.standing import Counts
from store.rows import Found, RecipientRow, Suppression

Role = Literal["first", "reminder", "receipt"]  # of a mail about an invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message. Times are Unix seconds."""

    message_id: int
    accepted_at: float
    expires_at: float  # when the schedule gives up
    subject: str
    header_from: str
    header_to: str  # names and addresses in To, as the mail shows them; "": none, or from before they were kept
    header_message_id: str
    reverse_path: str
    customer: str
    invoice: str
    tags: tuple[str, ...]
    metadata: dict[str, str]
    warnings: tuple[str, ...]
    size: int  # octets
    credential: str
    client: str
    no_pixel_why: str
    counted_opens: int  # tracking mode count: views by people, of all recipients together
    counted_machine_opens: int
    content_erased_at: float | None  # None: the content is still there


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message in a list."""

    message: MessageRow
    counts: Counts
    address: str  # of its first recipient; "": it has none any more


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many recipients of a message failed, or wait, for one reason."""

    reason: Reason
    mistyped: bool | None
    count: int


@dataclass(frozen=True, slots=True)
class Slot:
    """What happened within one hour, or one day."""

    at: float  # its beginning, Unix seconds
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One message in numbers."""

    message: MessageRow
    counts: Counts
    reasons: tuple[ReasonCount, ...]  # of those that bounced, were not delivered, or wait; the most frequent first
    slot_seconds: int  # 3600 or 86400
    first_opens: tuple[Slot, ...]  # by people, the first of each recipient; empty slots are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressHealth:
    """What is known of one address, over all mail to it."""

    address: str  # as it was written last
    address_key: str
    customer: str  # of the last message to it
    mails: int
    received: int
    opened: int
    bounced: int
    not_delivered: int
    last_sent_at: float
    last_delivered_at: float | None
    last_opened_at: float | None
    last_bounced_at: float | None
    suppression: Suppression | None  # mail is not sent to it any more
    cause: RecipientRow | None  # the mail that caused it; None: a person did, or it is no longer kept
    opted_out: bool  # opens are not noted, by the recipient's own choice


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """Everything that one customer, or one address, was sent."""

    customer: str  # "": it was asked for by an address
    addresses: tuple[AddressHealth, ...]  # the one written to last comes first
    counts: Counts  # of all that fits, whatever its standing
    invoices: int  # recipients of mail about an invoice
    messages: int  # recipients of other mail
    rows: Page[RecipientRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One mail about an invoice."""

    message: MessageRow
    role: Role
    number: int  # of the reminder, from 1; 0 for the others
    counts: Counts
    recipients: tuple[Found, ...]  # with all their events, at most 100


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLog:
    """Everything that was mailed about one invoice, oldest first."""

    invoice: str
    customers: tuple[str, ...]
    counts: Counts
    sent: Page[Sent]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaseLine:
    """One invoice that nobody is known to have read."""

    invoice: str
    customer: str
    subject: str  # of the last mail about it
    first_sent_at: float
    last_sent_at: float
    mails: int
    message_id: int  # of the first mail about it
    last_message_id: int
    counts: Counts  # over all mails about it
    recipients: tuple[RecipientRow, ...]  # of the last mail about it, at most 20
