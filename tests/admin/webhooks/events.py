"""Events as the journal gives them to webhooks."""

from typing import Any

from store.events import KINDS
from store.journal_record import EventRecord, ToldEvent

AT = 1_790_000_000.5


def told(kind: str = "delivered", *, position: int = 7, at: float = AT, **more: Any) -> ToldEvent:
    """Make an event of a mail to ann@example.org."""
    mail = {name: more.pop(name) for name in ("tags", "metadata", "customer", "first_opened_at") if name in more}
    event = KINDS[kind](**{"message_id": 11, "recipient_id": 22, "at": at, **more})
    record = EventRecord(
        position=position,
        event=event,
        forward_path="ann@example.org",
        subject="Fees for November",
        customer=mail.get("customer", "4711"),
        invoice="INV-1",
        message_accepted_at=at - 5,
    )
    return ToldEvent(
        record=record,
        sender="office@club.example",
        header_message_id="1@club.example",
        tags=tuple(mail.get("tags", ("fees",))),
        metadata=dict(mail.get("metadata", {"term": "2"})),
        size=2048,
        first_opened_at=mail.get("first_opened_at"),
    )
