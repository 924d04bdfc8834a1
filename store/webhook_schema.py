"""
The tables of webhooks, part of the one schema (``store/schema.py``).

``webhook`` holds secrets, sealed under a key that is not in the database (``store/secret_box.py``).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
    true,
)

from store.schema import Id, metadata


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


# An endpoint, and how far of the journal is in calls for it.
webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    _text("description"),
    _text("kinds", "[]"),
    _text("tags", "[]"),
    _text("customers", "[]"),
    _text("shape", "homing"),
    Column("batch_size", Integer, nullable=False, server_default="1"),
    Column("batch_seconds", Double, nullable=False, server_default="0"),
    Column("secret", Text, nullable=False),
    _text("previous_secret"),
    Column("previous_until", Double),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("off_at", Double),
    _text("off_why"),
    Column("created_at", Double, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("failing_since", Double),
)

# A call that is to be made, or was. due -> delivered, failed: settle. delivered, failed -> due: resend.
webhook_call = Table(
    "webhook_call",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("webhook_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    _text("recipients", "[]"),  # ids, for erasure
    Column("events", Integer, nullable=False, server_default="1"),
    Column("first_event_at", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Double),  # while due; a claim moves it on, so what a dead process held comes up again
    Column("last_status", SmallInteger),
    _text("last_error"),
    # claim, count of those that wait, lag
    Index(
        "webhook_call_due",
        "webhook_id",
        "next_attempt_at",
        sqlite_where=text("state = 'due'"),
        postgresql_where=text("state = 'due'"),
    ),
    # history
    Index("webhook_call_webhook", "webhook_id", "id"),
)

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("call_id", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("status", SmallInteger),
    _text("error"),
    _text("answer"),
    # attempts, retention
    Index("webhook_attempt_call", "call_id", "id"),
)
