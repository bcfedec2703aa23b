"""Makes the table of rate windows.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rate_windows",
        sa.Column("principal", sa.String(64), nullable=False),
        sa.Column("ends_ms", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("principal"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rate_windows_ends_ms", "rate_windows", ["ends_ms"])


def downgrade() -> None:
    """Remove the table with its rows."""
    op.drop_table("rate_windows")
