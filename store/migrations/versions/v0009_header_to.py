"""
The names in To are kept: people look for a name.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of older messages the names are not known."""
    op.add_column("message", sa.Column("header_to", sa.Text(), server_default="", nullable=False))
