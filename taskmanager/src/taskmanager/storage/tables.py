"""The application's tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from leveret.sql.tables import UtcDateTime

metadata: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Type of ids: 64 bits on both engines; SQLite generates ids only for columns that are declared as INTEGER."""


users: Final = sa.Table(
    "users",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("full_name", sa.String(200)),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("is_admin", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("email"),
    sqlite_autoincrement=True,
)
"""One row for each user; the email is in lower case and in NFC."""

tasks: Final = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("owner_id", Id, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("priority", sa.String(16), nullable=False),
    sa.Column("due_date", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.CheckConstraint("status IN ('todo', 'in_progress', 'done')", name="status"),
    sa.CheckConstraint("priority IN ('low', 'medium', 'high')", name="priority"),
    sa.Index("ix_tasks_owner_newest", "owner_id", "id"),
    sa.Index("ix_tasks_owner_kind_newest", "owner_id", "status", "priority", "id"),
    sqlite_autoincrement=True,
)
"""One row for each task. An id is never used again, because a late request could then change another task.

``version`` counts the changes of a task, from 1.
"""

login_failures: Final = sa.Table(
    "login_failures",
    metadata,
    sa.Column("account", sa.LargeBinary(16), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("locked_until", UtcDateTime, nullable=False),
    sa.Index("ix_login_failures_last_at", "last_at"),
    sqlite_with_rowid=False,
)
"""One row for each email whose last login failed; ``account`` is a keyed digest, so that the table shows no email."""
