"""Databases as they were before the framework had revisions of its own: the application's revisions made its tables."""

import sqlalchemy as sa

from leveret.sql import create_engine

_MOMENT = sa.DateTime(timezone=True)
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

FIRST = sa.MetaData()
"""What the Task Manager's revision 0001 made."""

SECOND = sa.MetaData()
"""What its revision 0002 added."""

sa.Table(
    "users",
    FIRST,
    sa.Column("id", _ID, nullable=False),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("full_name", sa.String(200)),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("is_admin", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_users"),
    sa.UniqueConstraint("email", name="uq_users_email"),
    sqlite_autoincrement=True,
)
sa.Table(
    "tasks",
    FIRST,
    sa.Column("id", _ID, nullable=False),
    sa.Column("owner_id", _ID, nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("priority", sa.String(16), nullable=False),
    sa.Column("due_date", _MOMENT),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("updated_at", _MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_tasks_owner_id"),
    sa.CheckConstraint("status IN ('todo', 'in_progress', 'done')", name="ck_tasks_status"),
    sa.CheckConstraint("priority IN ('low', 'medium', 'high')", name="ck_tasks_priority"),
    sa.Index("ix_tasks_owner_newest", "owner_id", "id"),
    sa.Index("ix_tasks_owner_kind_newest", "owner_id", "status", "priority", "id"),
    sqlite_autoincrement=True,
)
sa.Table(
    "processed_requests",
    FIRST,
    sa.Column("principal", sa.String(64), nullable=False),
    sa.Column("id", sa.String(128), nullable=False),
    sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("response_json", sa.Text, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("principal", "id"),
    sa.Index("ix_processed_requests_created_at", "created_at"),
    sqlite_with_rowid=False,
)
sa.Table(
    "crash_journal",
    FIRST,
    sa.Column("principal", sa.String(64), nullable=False),
    sa.Column("id", sa.String(128), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_at", _MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("principal", "id"),
    sqlite_with_rowid=False,
)
sa.Table(
    "rate_windows",
    SECOND,
    sa.Column("principal", sa.String(64), nullable=False),
    sa.Column("ends_ms", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("principal"),
    sa.Index("ix_rate_windows_ends_ms", "ends_ms"),
    sqlite_with_rowid=False,
)
sa.Table(
    "login_failures",
    SECOND,
    sa.Column("account", sa.LargeBinary(16), nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", _MOMENT, nullable=False),
    sa.Column("locked_until", _MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account", name="pk_login_failures"),
    sa.Index("ix_login_failures_last_at", "last_at"),
    sqlite_with_rowid=False,
)

OURS = ("processed_requests", "crash_journal", "rate_windows")
"""The framework's tables, which an application's own revisions made."""

_TASK = (
    "INSERT INTO tasks (owner_id, title, status, priority, created_at, updated_at)"
    " VALUES (1, 'Bake', 'todo', 'low', '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)
_ROWS = (
    "INSERT INTO users (email, password_hash, created_at) VALUES ('ada@example.com', 'h', '2026-01-01 00:00:00')",
    _TASK,
)
_ROWS_OF_OURS = (
    "INSERT INTO processed_requests VALUES ('1', 'r', '0123456789abcdef', 'v1', 'a', '{}', '2026-01-01 00:00:00')",
    "INSERT INTO crash_journal VALUES ('1', 'r', 2, '2026-01-01 00:00:00')",
)


def make_former(url: str, revision: str) -> None:
    """Make the Task Manager's database of that revision, with a row in each of its oldest tables."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for metadata in (FIRST, SECOND) if revision == "0002" else (FIRST,):
            metadata.create_all(connection)
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
        _fill(connection, *_ROWS, *_ROWS_OF_OURS)
    engine.dispose()


def make_by_hand(url: str, *names: str) -> None:
    """Make some of the framework's tables as a program did with ``create_all``, with rows in the oldest."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for metadata in (FIRST, SECOND):
            metadata.create_all(connection, tables=[table for name, table in metadata.tables.items() if name in names])
        _fill(connection, *(row for row in _ROWS_OF_OURS if row.split()[2] in names))
    engine.dispose()


def _fill(connection: sa.Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(sa.text(statement))
