"""Makes the table of events, which tell users of the changes that their requests made.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; everything else stays as it is."""
    op.create_table(
        "leveret_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("principal", sa.String(64), nullable=False),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("data_json", sa.Text, nullable=False),
        sa.Column("request", sa.String(128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_leveret_events_principal", "leveret_events", ["principal", "transaction_id", "id"])
    op.create_index("ix_leveret_events_transaction_id", "leveret_events", ["transaction_id"])


def downgrade() -> None:
    """Remove the table with the events in it."""
    op.drop_table("leveret_events")
