"""
Opens that are only counted belong to the message, not to a recipient.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two numbers; what was counted for single recipients before stays where it is until it is forgotten."""
    op.add_column("message", sa.Column("counted_opens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("counted_machine_opens", sa.Integer(), server_default="0", nullable=False))
