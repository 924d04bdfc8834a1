"""
The views: customers, invoices, what to chase, today, numbers.

Pure: no I/O, no clock, no chance.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from admin.api.models.base import Given, Id, Paged
from admin.api.models.events import EventOut
from admin.api.models.mails import CountsOut, MessageOut, RecipientOut
from admin.api.models.stopped import SuppressionOut
from store.nouns import Verdict


class AddressOut(Given):
    """What is known of one address, over all mail to it."""

    address: str
    customer: str = Field(description="Of the last message to it.")
    mails: int
    received: int
    opened: int
    bounced: int
    not_delivered: int
    last_sent_at: datetime
    last_delivered_at: datetime | None
    last_opened_at: datetime | None
    last_bounced_at: datetime | None
    suppression: SuppressionOut | None = Field(description="Mail is not sent to it any more.")
    opted_out: bool = Field(description="Opens are not noted, by the recipient's own choice.")


class CustomerOut(Paged[RecipientOut]):
    """Everything that one customer, or one address, was sent; newest first."""

    customer: str = Field(description="Empty where it was asked for by an address.")
    addresses: list[AddressOut]
    counts: CountsOut = Field(description="Of all that fits, whatever its standing.")
    invoices: int = Field(description="Recipients of mail about an invoice.")
    messages: int = Field(description="Recipients of other mail.")


class AboutRecipient(RecipientOut):
    """A recipient with its events."""

    events: list[EventOut]


class LoadOut(Given):
    """One view of a mail, or one load by a machine, as far as the tracking mode let it be kept."""

    at: datetime
    verdict: Verdict = Field(description="What loaded the pixel.")
    rule: str = Field(description="What said so.")
    client: str | None = Field(description="Name of the mail program; tracking mode `full` only, like the next two.")
    device: str | None = Field(description="`phone`, `tablet` or `computer`.")
    country: str | None = Field(description="ISO 3166-1, two letters.")


class RecipientStoryOut(AboutRecipient):
    """A recipient with its events, and what loaded the pixel."""

    loads: list[LoadOut] = Field(description="By time, those that are still kept; none where opens are not followed.")


class SentOut(MessageOut):
    """One mail about an invoice."""

    role: Literal["first", "reminder", "receipt"]
    number: int = Field(description="Of the reminder, from 1.")
    recipients: list[AboutRecipient] = Field(description="At most 100.")


class InvoiceOut(Paged[SentOut]):
    """Everything that was mailed about one invoice, oldest first."""

    invoice: str
    customers: list[str]
    counts: CountsOut


class ChaseOut(Given):
    """One invoice that nobody is known to have read."""

    invoice: str
    customer: str
    subject: str
    first_sent_at: datetime
    last_sent_at: datetime
    mails: int
    message_id: Id = Field(description="Of the first mail about it.")
    last_message_id: Id
    counts: CountsOut
    recipients: list[RecipientOut] = Field(description="Of the last mail about it, at most 20.")


class TodayOut(Given):
    """What an office looks at first."""

    since: datetime
    messages: int = Field(description="Accepted since then.")
    counts: CountsOut
    failed: Paged[RecipientOut] = Field(description="Bounced or not delivered since then, newest first.")
    delayed: Paged[RecipientOut] = Field(description="Accepted over an hour ago and still waiting.")
    delayed_count: int


class StatOut(Given):
    """One line of numbers."""

    key: str = Field(description="A day, a domain, a reason, or a tag.")
    counts: CountsOut


class StatsOut(Given):
    """Numbers of a time."""

    items: list[StatOut]


class DestinationOut(Given):
    """What waits for one domain."""

    domain: str
    due: int
    claimed: int
    held: int
    oldest_at: datetime
    next_attempt_at: datetime | None
    last_reply: str


class QueueOut(Given):
    """What waits, the longest queue first, at most 100."""

    items: list[DestinationOut]
    states: dict[str, int] = Field(description="Recipients by state: due, claimed, held, settled.")


class SizesOut(Given):
    """What is kept, and how fast it grows."""

    rows: dict[str, int]
    database_octets: int
    contents_octets: int
    messages_a_day: float
    octets_a_day: float


class StoryOut(Given):
    """One recipient told in plain sentences."""

    recipient_id: Id
    address: str
    word: str
    sentence: str
    advice: str
    more: str
    did_you_mean: str | None
    told: list[str] = Field(description="What happened, in order, a sentence each.")
