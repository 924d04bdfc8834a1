"""
An event as the fields that programs read: in ``homing tail --json``, the log, webhooks, the event stream and the API.

Pure: no I/O, no clock, no chance.
"""

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from store.journal_record import EventRecord, ToldEvent
from store.reasons import text as reason_text


def timestamp(at: float) -> str:
    """Write a time as UTC ISO 8601 to the millisecond: ``2026-11-23T09:14:03.120Z``."""
    second = math.floor(at)
    microseconds = round((at - second) * 1_000_000)  # first to these and then cut, as datetime does it
    if microseconds == 1_000_000:
        second, microseconds = second + 1, 0
    return f"{_second(second)}.{microseconds // 1000:03}Z"


@lru_cache(256)  # of all the lines of a second its date and time are written once
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def event_fields(record: EventRecord) -> dict[str, Any]:
    """Give an event's fields; ids are texts, since JavaScript's numbers are too short for them. None: not known."""
    event = record.event
    return {
        "position": record.position,
        "event": event.kind,
        "at": timestamp(event.at),
        "message": str(event.message_id),
        "recipient": str(event.recipient_id),
        "address": record.forward_path,
        "subject": record.subject,
        "customer": record.customer,
        "invoice": record.invoice,
        "reason": event.reason.value if event.reason else None,
        "explanation": reason_text(event.reason).sentence if event.reason else None,
        "rule": event.rule or None,
        "reply": event.reply or None,
        "status": event.status or None,
        "remote_host": event.remote_host or None,
        "remote_address": event.remote_address or None,
        "tls": event.tls or None,
        "attempt": event.attempt or None,
        "next_attempt_at": timestamp(event.next_attempt_at) if event.next_attempt_at else None,
        "caused_by": str(event.caused_by) if event.caused_by else None,
        "verdict": event.verdict.value if event.verdict else None,
        "note": event.note or None,
    }


def told_fields(told: ToldEvent) -> dict[str, Any]:
    """Give an event's fields and those of its mail that an application knows it by."""
    return event_fields(told.record) | {
        "sender": told.sender,
        "header_message_id": told.header_message_id,
        "tags": list(told.tags),
        "metadata": told.metadata,
    }
