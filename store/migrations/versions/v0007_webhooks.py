"""
Webhooks: endpoints, their calls, and each attempt.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def upgrade() -> None:
    """Add three tables."""
    op.create_table(
        "webhook",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        _text("description"),
        _text("kinds", "[]"),
        _text("tags", "[]"),
        _text("customers", "[]"),
        _text("shape", "homing"),
        sa.Column("batch_size", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("batch_seconds", sa.Double(), nullable=False, server_default="0"),
        sa.Column("secret", sa.Text(), nullable=False),
        _text("previous_secret"),
        sa.Column("previous_until", sa.Double()),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("off_at", sa.Double()),
        _text("off_why"),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.Double()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "webhook_call",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        _text("recipients", "[]"),
        sa.Column("events", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("first_event_at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_attempt_at", sa.Double()),
        sa.Column("last_status", sa.SmallInteger()),
        _text("last_error"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_call")),
    )
    op.create_index(
        "webhook_call_due",
        "webhook_call",
        ["webhook_id", "next_attempt_at"],
        sqlite_where=sa.text("state = 'due'"),
        postgresql_where=sa.text("state = 'due'"),
    )
    op.create_index("webhook_call_webhook", "webhook_call", ["webhook_id", "id"])
    op.create_table(
        "webhook_attempt",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("status", sa.SmallInteger()),
        _text("error"),
        _text("answer"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    op.create_index("webhook_attempt_call", "webhook_attempt", ["call_id", "id"])
