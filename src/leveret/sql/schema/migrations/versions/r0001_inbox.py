"""Makes the tables of stored responses and the crash journal.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "processed_requests",
        sa.Column("principal", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("response_json", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("principal", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_processed_requests_created_at", "processed_requests", ["created_at"])
    op.create_table(
        "crash_journal",
        sa.Column("principal", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("principal", "id"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove the tables with their rows."""
    op.drop_table("crash_journal")
    op.drop_table("processed_requests")
