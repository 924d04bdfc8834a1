"""
Makes the models of what the queries give.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from typing import Any

from admin.api.models.base import Paged, at, when
from admin.api.models.events import EventOut
from admin.api.models.mails import (
    CountsOut,
    MessageInList,
    MessageOut,
    OverviewOut,
    ReasonOut,
    RecipientOut,
    SlotOut,
)
from admin.api.models.stopped import SuppressionOut
from admin.api.models.views import AboutRecipient, AddressOut, ChaseOut, LoadOut, RecipientStoryOut, SentOut
from admin.story import tell
from store.event_fields import event_fields
from store.journal_record import EventRecord
from store.nouns import Open
from store.queries.page import Page
from store.queries.rows import AddressHealth, ChaseLine, MessageLine, MessageRow, Overview, Sent
from store.queries.standing import Counts, standing_of
from store.reasons import text as reason_text
from store.reasons import told
from store.rows import Found, RecipientRow, Suppression


def counts(it: Counts) -> CountsOut:
    """Give counts."""
    return CountsOut(
        recipients=it.recipients,
        received=it.received,
        opened=it.opened,
        delivered=it.delivered,
        cannot_be_known=it.unknown,
        bounced=it.bounced,
        not_delivered=it.not_delivered,
        sending=it.sending,
        received_and_tracked=it.tracked,
        counted_together=it.counted,
        failed_and_opened=it.failed_and_opened,
        received_percent=it.received_percent,
        opened_percent=it.opened_percent,
    )


def recipient(row: RecipientRow, now: float) -> RecipientOut:
    """Give a recipient, with what people are told of it."""
    return RecipientOut(**_recipient(row, now))


def recipients(page: Page[RecipientRow], now: float) -> Paged[RecipientOut]:
    """Give a page of recipients."""
    return Paged[RecipientOut](items=[recipient(row, now) for row in page.items], next=page.next)


def about_recipient(found: Found, now: float) -> AboutRecipient:
    """Give a recipient with its events."""
    return AboutRecipient(**_recipient(found.recipient, now), events=_events(found))


def recipient_story(found: Found, loads: Sequence[Open], now: float) -> RecipientStoryOut:
    """Give a recipient with its events and what loaded the pixel."""
    kept = [
        LoadOut(
            at=when(it.at),
            verdict=it.verdict,
            rule=it.rule,
            client=it.client or None,
            device=it.device or None,
            country=it.country or None,
        )
        for it in loads
    ]
    return RecipientStoryOut(**_recipient(found.recipient, now), events=_events(found), loads=kept)


def _events(found: Found) -> list[EventOut]:
    return [event(record) for record in records(found)]


def records(found: Found) -> list[EventRecord]:
    """Give the events of a recipient as the journal would; their positions are not known here, and 0."""
    row = found.recipient
    return [
        EventRecord(
            position=0,
            event=each,
            forward_path=row.forward_path,
            subject=row.subject,
            customer=row.customer,
            invoice=row.invoice,
            message_accepted_at=row.accepted_at,
        )
        for each in found.events
    ]


def _recipient(row: RecipientRow, now: float) -> dict[str, Any]:
    story = tell(row, now)
    return {
        "recipient_id": str(row.recipient_id),
        "message_id": str(row.message_id),
        "address": row.forward_path,
        "status": row.status,
        "standing": standing_of(row),
        "reason": row.reason,
        "explanation": story.sentence,
        "advice": story.advice,
        "mistyped": row.mistyped,
        "permanent": row.permanent,
        "state": row.state,
        "subject": row.subject,
        "customer": row.customer,
        "invoice": row.invoice,
        "sender": row.header_from,
        "header_message_id": row.header_message_id,
        "accepted_at": when(row.accepted_at),
        "delivered_at": at(row.delivered_at),
        "first_opened_at": at(row.opened_at),
        "last_opened_at": at(row.last_opened_at),
        "bounced_at": at(row.bounced_at),
        "settled_at": at(row.settled_at),
        "next_attempt_at": at(row.next_attempt_at),
        "opens": row.opens,
        "automatic_loads": row.machine_opens,
        "attempts": row.attempts,
        "reply": row.last_reply,
        "remote_host": row.remote_host,
        "remote_address": row.remote_address,
        "tls": row.tls,
        "possible_duplicate": row.in_doubt,
        "tracking": row.tracking,
        "not_tracked_because": row.no_pixel_why,
        "rule": row.rule,
        "caused_by_recipient_id": None if row.caused_by is None else str(row.caused_by),
    }


def message(line: MessageLine) -> MessageOut:
    """Give a message."""
    return MessageOut(**_message(line.message, line.counts))


def in_list(line: MessageLine) -> MessageInList:
    """Give a message of a list."""
    return MessageInList(**_message(line.message, line.counts), first_address=line.address)


def _message(row: MessageRow, numbers: Counts) -> dict[str, Any]:
    return {
        "message_id": str(row.message_id),
        "accepted_at": when(row.accepted_at),
        "expires_at": when(row.expires_at),
        "subject": row.subject,
        "sender": row.header_from,
        "to": row.header_to,
        "header_message_id": row.header_message_id,
        "return_path": row.reverse_path,
        "customer": row.customer,
        "invoice": row.invoice,
        "tags": list(row.tags),
        "metadata": row.metadata,
        "warnings": list(row.warnings),
        "octets": row.size,
        "credential": row.credential,
        "not_tracked_because": row.no_pixel_why,
        "opens_counted_together": row.counted_opens,
        "automatic_loads_counted_together": row.counted_machine_opens,
        "content_kept": row.content_erased_at is None,
        "counts": counts(numbers),
    }


def overview(it: Overview) -> OverviewOut:
    """Give the overview of a message."""
    return OverviewOut(
        **_message(it.message, it.counts),
        reasons=[
            ReasonOut(
                reason=each.reason,
                mistyped=each.mistyped,
                explanation=told(each.reason, each.mistyped).sentence,
                recipients=each.count,
            )
            for each in it.reasons
        ],
        slot_seconds=it.slot_seconds,
        first_opens=[SlotOut(at=when(each.at), count=each.count) for each in it.first_opens],
    )


def event(record: EventRecord) -> EventOut:
    """Give an event."""
    return EventOut(**event_fields(record))


def suppression(it: Suppression, *, message_id: int | None, subject: str) -> SuppressionOut:
    """Give a suppression, with the mail that caused it as far as it is kept."""
    return SuppressionOut(
        address=it.address,
        reason=it.reason,
        explanation=reason_text(it.reason).sentence,
        since=when(it.at),
        until=at(it.expires_at),
        note=it.note,
        caused_by_recipient_id=None if it.caused_by is None else str(it.caused_by),
        caused_by_message_id=None if message_id is None else str(message_id),
        caused_by_subject=subject,
    )


def address(it: AddressHealth) -> AddressOut:
    """Give what is known of an address."""
    cause = it.cause
    return AddressOut(
        address=it.address,
        customer=it.customer,
        mails=it.mails,
        received=it.received,
        opened=it.opened,
        bounced=it.bounced,
        not_delivered=it.not_delivered,
        last_sent_at=when(it.last_sent_at),
        last_delivered_at=at(it.last_delivered_at),
        last_opened_at=at(it.last_opened_at),
        last_bounced_at=at(it.last_bounced_at),
        suppression=suppression(
            it.suppression,
            message_id=cause.message_id if cause else None,
            subject=cause.subject if cause else "",
        )
        if it.suppression
        else None,
        opted_out=it.opted_out,
    )


def sent(it: Sent, now: float) -> SentOut:
    """Give a mail about an invoice."""
    numbers = it.counts
    return SentOut(
        **_message(it.message, numbers),
        role=it.role,
        number=it.number,
        recipients=[about_recipient(found, now) for found in it.recipients],
    )


def chase(it: ChaseLine, now: float) -> ChaseOut:
    """Give an invoice to chase."""
    return ChaseOut(
        invoice=it.invoice,
        customer=it.customer,
        subject=it.subject,
        first_sent_at=when(it.first_sent_at),
        last_sent_at=when(it.last_sent_at),
        mails=it.mails,
        message_id=str(it.message_id),
        last_message_id=str(it.last_message_id),
        counts=counts(it.counts),
        recipients=[recipient(row, now) for row in it.recipients],
    )
