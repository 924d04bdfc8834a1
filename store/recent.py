"""Recipients with what is known of their messages: the select that lists add their conditions to, and its rows."""

from typing import Any

from sqlalchemy import func, select

from store.nouns import Reason, RecipientStatus, State, TrackingMode
from store.rows import RecipientRow
from store.schema import message, recipient

__all__ = ["ROWS", "RecipientRow", "recipient_row"]

_cause = recipient.alias("cause")
ROWS = (
    select(
        recipient,
        message.c.subject,
        message.c.customer,
        message.c.invoice,
        message.c.header_from,
        message.c.header_message_id,
        message.c.no_pixel_why,
        message.c.credential,
        message.c.reverse_path,
        func.coalesce(_cause.c.bounced_at, _cause.c.accepted_at).label("caused_at"),
        _cause.c.reason.label("caused_reason"),
    )
    .join_from(recipient, message, message.c.id == recipient.c.message_id)
    .outerjoin(_cause, _cause.c.id == recipient.c.caused_by)
)


def recipient_row(row: Any) -> RecipientRow:
    """Make it from a row of ROWS."""
    return RecipientRow(
        recipient_id=row.id,
        message_id=row.message_id,
        forward_path=row.forward_path,
        subject=row.subject,
        customer=row.customer,
        invoice=row.invoice,
        header_from=row.header_from,
        header_message_id=row.header_message_id,
        accepted_at=row.accepted_at,
        status=RecipientStatus(row.status),
        state=State(row.state),
        reason=Reason(row.reason) if row.reason else None,
        rule=row.rule,
        permanent=row.permanent,
        mistyped=row.mistyped,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at or None,  # 0: asked for, and not yet taken up
        last_reply=row.last_reply,
        remote_host=row.remote_host,
        remote_address=row.remote_address,
        tls=row.tls,
        in_doubt=row.in_doubt,
        settled_at=row.settled_at,
        delivered_at=row.delivered_at,
        bounced_at=row.bounced_at,
        opened_at=row.opened_at,
        last_opened_at=row.last_opened_at,
        opens=row.opens,
        machine_opens=row.machine_opens,
        tracking=TrackingMode(row.tracking),
        no_pixel_why=row.no_pixel_why,
        caused_by=row.caused_by,
        caused_at=row.caused_at,
        caused_reason=Reason(row.caused_reason) if row.caused_reason else None,
        credential=row.credential,
        reverse_path=row.reverse_path,
        notify=row.notify,
    )
