"""Makes the table that names the application to which the database belongs; who runs the revision writes the name.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "leveret_application",
        sa.Column("name", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Remove the table with its row."""
    op.drop_table("leveret_application")
