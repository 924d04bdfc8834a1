"""
Credentials with a rate, and networks that stand in for a password.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what no credential has yet: no limit, and a password is asked for."""
    op.add_column("credential", sa.Column("rate", sa.Integer(), server_default="0", nullable=False))
    op.add_column("credential", sa.Column("network_login", sa.Boolean(), server_default=sa.false(), nullable=False))
