"""
An event as a reader of the journal gets it: with the position and what people know the mail by.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from typing import Any

from store.events import KINDS, Event
from store.nouns import Reason, Verdict
from store.plain import dataclass

_COLUMNS = (
    "message_id", "recipient_id", "kind", "at", "reason", "rule", "reply", "status", "remote_host", "remote_address",
    "tls", "attempt", "next_attempt_at", "caused_by", "verdict", "note",
)  # fmt: skip


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
    return event_in_order([getattr(row, name) for name in _COLUMNS])


def event_in_order(values: Sequence[Any]) -> Event:
    """Make an event of the columns of the table ``event`` in their order, without the position."""
    (
        message_id, recipient_id, kind, at, reason, rule, reply, status, remote_host, remote_address, tls, attempt,
        next_attempt_at, caused_by, verdict, note,
    ) = values  # fmt: skip
    return KINDS[kind](
        message_id=message_id,
        recipient_id=recipient_id,
        at=at,
        reason=Reason(reason) if reason else None,
        rule=rule,
        reply=reply,
        status=status,
        remote_host=remote_host,
        remote_address=remote_address,
        tls=tls,
        attempt=attempt,
        next_attempt_at=next_attempt_at,
        caused_by=caused_by,
        verdict=Verdict(verdict) if verdict else None,
        note=note,
    )
