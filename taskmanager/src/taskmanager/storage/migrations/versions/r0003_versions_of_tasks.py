"""Gives each task a version, which counts its changes.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; neither engine writes the rows anew for it."""
    op.add_column("tasks", sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("tasks", "version")
