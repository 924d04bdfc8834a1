"""
Events, in the fields that webhooks, the event stream and ``homing tail --json`` have too.

Pure: no I/O, no clock, no chance.
"""

from typing import Literal

from pydantic import Field

from admin.api.models.base import Given, Id
from store.nouns import Reason, Verdict

EventKind = Literal[
    "accepted", "deferred", "delivered", "bounced", "suppressed", "expired", "cancelled", "opened", "complained",
    "autoresponded",
]  # fmt: skip


class EventOut(Given):
    """One fact about one recipient."""

    position: int = Field(description="Grows in the order of commits; what a reader goes on behind.")
    event: EventKind
    at: str = Field(json_schema_extra={"format": "date-time"})
    message: Id
    recipient: Id
    address: str
    subject: str
    customer: str
    invoice: str
    reason: Reason | None
    explanation: str | None
    rule: str | None
    reply: str | None = Field(description="The other side's own words.")
    status: str | None = Field(description="Enhanced status code, `5.1.1`.")
    remote_host: str | None
    remote_address: str | None
    tls: str | None
    attempt: int | None
    next_attempt_at: str | None = Field(json_schema_extra={"format": "date-time"})
    caused_by: Id | None
    verdict: Verdict | None = Field(description="What loaded the pixel.")
    note: str | None


class EventsOut(Given):
    """Events, in order or the newest first."""

    items: list[EventOut]
    next: str | None = Field(description="Hand it back as `cursor` to go on; going up it is never null.")
