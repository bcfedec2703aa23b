"""Makes the tables of what operators do: operations, their letters, the audit, and notes of groups of letters.

A revision never changes: it spells out its columns and does not import the tables, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and what keeps the rows of the audit from being changed."""
    _make_operations()
    op.create_table(
        "leveret_audit",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by_whom", sa.String(200), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("incident", sa.String(200), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("details_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "leveret_groups",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("by_whom", sa.String(200), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    _guard_audit()


def _make_operations() -> None:
    op.create_table(
        "leveret_operations",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("filter_json", sa.Text, nullable=False),
        sa.Column("options_json", sa.Text, nullable=False),
        sa.Column("by_whom", sa.String(200), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("incident", sa.String(200), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ended_why", sa.Text, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("lease_until", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_leveret_operations_created_at", "leveret_operations", ["created_at"])
    op.create_table(
        "leveret_operation_letters",
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("letter", sa.String(255), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("request", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("operation", "letter"),
    )


def _guard_audit() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER leveret_audit_{what.lower()} BEFORE {what} ON leveret_audit "
                "BEGIN SELECT RAISE(ABORT, 'rows of leveret_audit are only added'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION leveret_audit_guard() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''rows of leveret_audit are only added''; END'"
    )
    op.execute(
        "CREATE TRIGGER leveret_audit_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON leveret_audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION leveret_audit_guard()"
    )


def downgrade() -> None:
    """Remove the tables with their rows."""
    for name in ("leveret_groups", "leveret_audit", "leveret_operation_letters", "leveret_operations"):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION leveret_audit_guard()")
