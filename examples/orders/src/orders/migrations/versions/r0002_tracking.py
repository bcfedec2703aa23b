"""Gives orders a tracking number."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("orders", sa.Column("tracking", sa.String(80)))


def downgrade() -> None:
    """Remove the column."""
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("tracking")
