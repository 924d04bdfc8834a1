"""
A mail to send, as JSON.

Every value that goes into a header is one line by its pattern, so nothing can bring a header of its own (W10).

Pure: no I/O, no clock, no chance.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from admin.api.models.base import Asked, Given, Id, Line
from store.nouns import TrackingMode

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# RFC 5321 section 4.1.2: Dot-string "@" Domain. Other letters than these go by raw mail, or by SMTP.
Mailbox = Annotated[
    str, StringConstraints(max_length=254, pattern=rf"^{_ATOM}{{1,32}}(\.{_ATOM}{{1,31}})*@{_LABEL}(\.{_LABEL})*$")
]
Word = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
# What an application may say beside the fields of their own. X-Homing- and the like are control headers.
HeaderName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(X-[A-Za-z0-9-]{1,70}|List-[A-Za-z-]{1,30}|In-Reply-To|References|Precedence|Auto-Submitted"
        r"|Importance|Priority|Organization|Feedback-ID|Keywords|Comments)$"
    ),
]
HeaderValue = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
MetadataKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
Base64 = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")]


_NO_OTHERS: dict[str, JsonValue] = {"additionalProperties": False}


class Person(Asked):
    """An address with the name shown beside it."""

    address: Mailbox
    name: Word = ""


class AttachmentIn(Asked):
    """A file that goes with the mail."""

    filename: Word
    content: Base64
    content_type: Annotated[
        str,
        StringConstraints(pattern=r"^(application|audio|font|image|model|text|video)/[A-Za-z0-9][A-Za-z0-9.+-]{0,80}$"),
    ] = "application/octet-stream"
    content_id: Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9.@_-]*$")] = Field(
        "", description="The HTML shows it as `cid:` and this; empty: an attachment."
    )


class SendIn(Asked):
    """A mail."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Person = Field(alias="from")
    to: tuple[Person, ...] = Field(min_length=1, max_length=500)
    cc: tuple[Person, ...] = Field((), max_length=500)
    bcc: tuple[Person, ...] = Field((), max_length=500, description="Get it, and are named nowhere.")
    reply_to: tuple[Person, ...] = Field((), max_length=10)
    subject: HeaderValue = ""
    text: Text = ""
    html: Text = ""
    attachments: tuple[AttachmentIn, ...] = Field((), max_length=50)
    headers: dict[HeaderName, HeaderValue] = Field({}, max_length=50, json_schema_extra=_NO_OTHERS)
    return_path: Mailbox | Literal[""] = Field("", description="Where it would come back; empty: the address in from.")
    customer: Word = ""
    invoice: Word = ""
    tags: tuple[Word, ...] = Field((), max_length=50)
    metadata: dict[MetadataKey, HeaderValue] = Field({}, max_length=50, json_schema_extra=_NO_OTHERS)
    track: TrackingMode | None = Field(None, description="The strictest of this, the configuration and the recipient.")
    ignore_suppression: bool = Field(False, description="Send although an earlier mail to the address came back.")


class SendQuery(Asked):
    """For whom a raw mail is; where it is not said, its own fields say it."""

    to: tuple[Mailbox, ...] = Field((), max_length=20, description="More than these: in its own fields.")
    return_path: Line = ""


class TakenOut(Given):
    """It is on disk, and will be delivered."""

    message_id: Id
    recipients: int


class AgainOut(Given):
    """What was sent again."""

    message_ids: list[Id]


class CancelledOut(Given):
    """What was stopped before it was sent."""

    recipients: int
