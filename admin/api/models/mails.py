"""
Recipients, messages and counts, named as in the SQL views.

Pure: no I/O, no clock, no chance.
"""

from datetime import datetime

from pydantic import Field

from admin.api.models.base import Given, Id, Paged
from store.nouns import Reason, RecipientStatus, State, TrackingMode
from store.queries.standing import Standing


class CountsOut(Given):
    """Recipients, counted. `opened` + `delivered` + `cannot_be_known` = `received`; with the last three: all."""

    recipients: int
    received: int = Field(description="Delivered, opened or not.")
    opened: int
    delivered: int = Field(description="Received, and no load of the pixel is known.")
    cannot_be_known: int = Field(description="Received, and only machines loaded the pixel.")
    bounced: int
    not_delivered: int
    sending: int
    received_and_tracked: int = Field(description="Received with a pixel of their own: what `opened_percent` is of.")
    counted_together: int = Field(description="In tracking mode `count`: opens are only known of all together.")
    failed_and_opened: int = Field(description="Came back or was given up, and yet somebody displayed it.")
    received_percent: float | None = Field(description="Of `recipients`; null: of none.")
    opened_percent: float | None = Field(description="Of `received_and_tracked`; null: of none.")


class RecipientOut(Given):
    """One recipient of one message."""

    recipient_id: Id
    message_id: Id
    address: str
    status: RecipientStatus
    standing: Standing = Field(description="As status, but `unknown` where only machines loaded the pixel.")
    reason: Reason | None
    explanation: str = Field(description="One sentence for people.")
    advice: str = Field(description="What to do, in one sentence.")
    mistyped: bool | None = Field(description="Nothing ever reached the address; null: not asked.")
    permanent: bool | None
    state: State = Field(description="Where it is in the queue.")
    subject: str
    customer: str
    invoice: str
    sender: str = Field(description="The address in From.")
    header_message_id: str
    accepted_at: datetime
    delivered_at: datetime | None
    first_opened_at: datetime | None
    last_opened_at: datetime | None
    bounced_at: datetime | None
    settled_at: datetime | None
    next_attempt_at: datetime | None
    opens: int = Field(description="Views by people.")
    automatic_loads: int = Field(description="Loads by machines.")
    attempts: int
    reply: str = Field(description="What the other side said last.")
    remote_host: str
    remote_address: str
    tls: str
    possible_duplicate: bool = Field(description="An earlier attempt may have arrived.")
    tracking: TrackingMode
    not_tracked_because: str
    rule: str = Field(description="What named the reason.")
    caused_by_recipient_id: Id | None = Field(description="Not sent because this one failed.")


class MessageOut(Given):
    """One message."""

    message_id: Id
    accepted_at: datetime
    expires_at: datetime = Field(description="When delivery is given up.")
    subject: str
    sender: str = Field(description="The address in From.")
    to: str = Field(description="The To field, as the mail shows it.")
    header_message_id: str
    return_path: str = Field(description="The reverse-path, as the application gave it.")
    customer: str
    invoice: str
    tags: list[str]
    metadata: dict[str, str]
    warnings: list[str] = Field(description="What was wrong with control headers and the like.")
    octets: int
    credential: str = Field(description="What it came by.")
    not_tracked_because: str
    opens_counted_together: int
    automatic_loads_counted_together: int
    content_kept: bool
    counts: CountsOut


class MessageInList(MessageOut):
    """One message of a list."""

    first_address: str = Field(description="Of its first recipient.")


class ReasonOut(Given):
    """How many failed, or wait, for one reason."""

    reason: Reason
    mistyped: bool | None
    explanation: str
    recipients: int


class SlotOut(Given):
    """What happened within one slot of time."""

    at: datetime
    count: int


class OverviewOut(MessageOut):
    """One message in numbers."""

    reasons: list[ReasonOut]
    slot_seconds: int = Field(description="Length of the slots of `first_opens`: an hour or a day.")
    first_opens: list[SlotOut] = Field(description="By people, the first of each recipient; empty slots left out.")


class RecipientsOut(Paged[RecipientOut]):
    """Recipients, and the counts of all that fit whatever their standing."""

    counts: CountsOut | None = Field(description="Only where one message is asked about.")
