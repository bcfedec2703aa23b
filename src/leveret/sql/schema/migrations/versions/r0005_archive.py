"""Makes the table of discarded letters, from which they can be brought back.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; everything else stays as it is."""
    op.create_table(
        "leveret_archive",
        sa.Column("letter", sa.String(255), nullable=False),
        sa.Column("request", sa.String(255), nullable=False),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_whom", sa.String(200), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("incident", sa.String(200), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("properties_json", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("letter"),
    )
    op.create_index("ix_leveret_archive_at", "leveret_archive", ["at"])
    op.create_index("ix_leveret_archive_request", "leveret_archive", ["request"])


def downgrade() -> None:
    """Remove the table with the letters in it."""
    op.drop_table("leveret_archive")
