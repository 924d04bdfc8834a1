"""
What a mail was read with, and in which country: tracking mode full.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of older opens nothing of it is known."""
    for name in ("client", "device", "country"):
        op.add_column("open", sa.Column(name, sa.Text(), server_default="", nullable=False))
