"""
Which calls are made of the events behind an endpoint's position.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from admin.webhooks.body import body, say
from store.journal_record import ToldEvent
from store.webhook_nouns import NewCall, Webhook

LARGEST_BATCH = 256 * 1024  # characters of a body, about; a batch ends before it


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write. ``full_at``: when a batch that is not full yet is told all the same; None: none waits."""

    position: int  # that the endpoint moves on to
    calls: tuple[NewCall, ...] = ()
    full_at: float | None = None


@dataclass(slots=True)
class _Batch:
    """Events that go into one call."""

    told: list[ToldEvent] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def add(self, told: ToldEvent, said: dict[str, Any], size: int) -> None:
        self.told.append(told)
        self.said.append(said)
        self.size += size


def plan(webhook: Webhook, events: Sequence[ToldEvent], *, room: int, now: float) -> Plan:
    """
    Make calls of events.

    Args:
        webhook: Its position is in front of the first event.
        events: In the order of their positions.
        room: How many calls may be added.
        now: Unix seconds, for the age of a batch.
    """
    calls: list[NewCall] = []
    position = webhook.position
    batch = _Batch()
    for told in events:
        if len(calls) >= room:
            return Plan(position, tuple(calls))
        said = _said(webhook, told)
        if said is not None:
            size = len(body(webhook.shape, [said], batch=False)) if webhook.batch_size > 1 else 0
            if batch.said and batch.size + size > LARGEST_BATCH:
                calls.append(_call(webhook, batch))
                position, batch = batch.told[-1].record.position, _Batch()
                if len(calls) >= room:
                    return Plan(position, tuple(calls))
            batch.add(told, said, size)
            if len(batch.said) >= webhook.batch_size:
                calls.append(_call(webhook, batch))
                batch = _Batch()
        if not batch.said:
            position = told.record.position
    if not batch.said:
        return Plan(position, tuple(calls))
    full_at = batch.told[0].record.event.at + webhook.batch_seconds
    if now < full_at or len(calls) >= room:
        return Plan(position, tuple(calls), full_at)
    calls.append(_call(webhook, batch))
    return Plan(events[-1].record.position, tuple(calls))


def _said(webhook: Webhook, told: ToldEvent) -> dict[str, Any] | None:
    if not webhook.wants(told.record.event.kind, told.tags, told.record.customer):
        return None
    return say(webhook.shape, told)


def _call(webhook: Webhook, batch: _Batch) -> NewCall:
    first, last = batch.told[0].record, batch.told[-1].record
    name = f"evt_{first.position}" if webhook.batch_size == 1 else f"evt_{first.position}-{last.position}"
    return NewCall(
        name=name,
        body=body(webhook.shape, batch.said, batch=webhook.batch_size > 1),
        recipients=tuple(sorted({told.record.event.recipient_id for told in batch.told})),
        events=len(batch.told),
        first_event_at=min(told.record.event.at for told in batch.told),
    )
