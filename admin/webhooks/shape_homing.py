"""
What a webhook in our own shape says: ``type``, ``timestamp`` and ``data``, as Standard Webhooks suggests.

Pure: no I/O, no clock, no chance.
"""

from typing import Any

from store.event_fields import timestamp, told_fields
from store.journal_record import ToldEvent


def homing(told: ToldEvent) -> dict[str, Any]:
    """Say any event. ``data`` has the fields of ``homing tail --json``, and tags and metadata of the mail."""
    event = told.record.event
    return {"type": event.kind, "timestamp": timestamp(event.at), "data": told_fields(told)}
