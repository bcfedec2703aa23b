"""Makes the table of failed logins.

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
        "login_failures",
        sa.Column("account", sa.LargeBinary(16), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_login_failures"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_login_failures_last_at", "login_failures", ["last_at"])


def downgrade() -> None:
    """Remove the table with its rows."""
    op.drop_table("login_failures")
