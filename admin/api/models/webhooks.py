"""
Webhooks, and what was told to them.

Pure: no I/O, no clock, no chance.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from admin.api.models.base import Asked, AwareDatetime, Given, Id, Whole
from admin.api.models.events import EventKind
from store.webhook_nouns import MOST_BATCH, CallState, Shape

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")]
Url = Annotated[str, StringConstraints(max_length=2_000)]


class WebhookIn(Asked):
    """An endpoint to make."""

    url: Url
    description: str = Field("", max_length=200)
    events: tuple[EventKind, ...] = Field((), description="Tell of these; none: of all.")
    tags: tuple[Word, ...] = Field((), max_length=50, description="Only mails with one of these; none: all.")
    customers: tuple[Word, ...] = Field((), max_length=50, description="Only mails of these; none: all.")
    shape: Shape = Shape.HOMING
    batch_size: int = Field(1, ge=1, le=MOST_BATCH, description="Events of one call, at most; more than 1: an array.")
    batch_seconds: float = Field(0.0, ge=0, le=3_600, description="A batch waits no longer than this to become full.")


class WebhookChange(Asked):
    """What is to be different; what is not given stays."""

    url: Url | None = None
    description: str | None = Field(None, max_length=200)
    events: tuple[EventKind, ...] | None = None
    tags: tuple[Word, ...] | None = Field(None, max_length=50)
    customers: tuple[Word, ...] | None = Field(None, max_length=50)
    shape: Shape | None = None
    batch_size: int | None = Field(None, ge=1, le=MOST_BATCH)
    batch_seconds: float | None = Field(None, ge=0, le=3_600)
    enabled: bool | None = Field(None, description="true: on again; what waited and what happened meanwhile is told.")


class WebhookOut(Given):
    """An endpoint; its secret is shown when it is made, and when it is rotated."""

    webhook_id: Id
    url: str
    description: str
    events: list[EventKind]
    tags: list[str]
    customers: list[str]
    shape: Shape
    batch_size: int
    batch_seconds: float
    enabled: bool
    off_at: datetime | None
    off_why: str = Field(description="In plain words; empty while it is on.")
    failing_since: datetime | None
    created_at: datetime
    waiting: int = Field(description="Calls that are not taken yet.")
    verification_key: str | None = Field(
        description="Shape `sendgrid`: the public key of `X-Twilio-Email-Event-Webhook-Signature`, as SendGrid has it."
    )


class NewWebhookOut(WebhookOut):
    """An endpoint with its secret."""

    secret: str = Field(description="Calls are signed with it, after Standard Webhooks.")
    previous_until: datetime | None = Field(description="Until then the secret before signs as well.")


class WebhooksOut(Given):
    """All endpoints."""

    items: list[WebhookOut]


class CallOut(Given):
    """One call."""

    call_id: Id
    name: str = Field(description="The header `webhook-id`.")
    events: int
    first_event_at: datetime
    state: CallState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str


class CallsOut(Given):
    """Calls, the newest first."""

    items: list[CallOut]
    next: str | None = Field(description="Hand it back as `cursor` for the next page; null: this is the last.")


class CallAttemptOut(Given):
    """One attempt at a call."""

    at: datetime
    seconds: float
    status: int | None = Field(description="null: there was no answer.")
    error: str = Field(description="Empty where it succeeded.")
    answer: str = Field(description="The first characters of what was said.")


class WholeCallOut(CallOut):
    """A call with what was sent, and each attempt."""

    body: str
    tried: list[CallAttemptOut]


class CallsQuery(Asked):
    """Which page."""

    limit: Whole = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, pattern=r"^[0-9]{1,19}$", description="The `next` of the page before.")


class ResendIn(Asked):
    """Which calls to make once more."""

    since: AwareDatetime = Field(description="Those written since then that ended.")
    failed_only: bool = True


class ResentOut(Given):
    """How many are made once more."""

    calls: int


class TestedOut(Given):
    """How a test call ended."""

    taken: bool
    status: int | None
    error: str
    answer: str
    seconds: float
