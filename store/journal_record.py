"""
An event as a reader of the journal gets it: with the position and what people know the mail by.

Pure: no I/O, no clock, no chance.
"""

from typing import Any

from store.events import KINDS, Event
from store.nouns import Reason, Verdict
from store.plain import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One event of the journal."""

    position: int  # grows in the order of commits; what a reader gives to ``Journal.after`` to go on
    event: Event
    forward_path: str
    subject: str
    customer: str
    invoice: str
    message_accepted_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """An event with all that programs outside are told beside it: by webhooks and the event stream."""

    record: EventRecord
    sender: str  # address in From:
    header_message_id: str  # the application's Message-ID, without its angle brackets
    tags: tuple[str, ...]
    metadata: dict[str, str]
    size: int  # of the message, octets
    first_opened_at: float | None  # of the recipient, by a person


def event_of(row: Any) -> Event:
    """Make the event of a row with the columns of the table ``event``."""
    return KINDS[row.kind](
        message_id=row.message_id,
        recipient_id=row.recipient_id,
        at=row.at,
        reason=Reason(row.reason) if row.reason else None,
        rule=row.rule,
        reply=row.reply,
        status=row.status,
        remote_host=row.remote_host,
        remote_address=row.remote_address,
        tls=row.tls,
        attempt=row.attempt,
        next_attempt_at=row.next_attempt_at,
        caused_by=row.caused_by,
        verdict=Verdict(row.verdict) if row.verdict else None,
        note=row.note,
    )
