"""Brings a database to the tables that this version needs; several processes may do so at the same time."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql import Store, create_engine

REVISIONS: Final = ("0001", "0002")
"""Revisions that this version knows; listed here too, so that Alembic is imported only to migrate."""

NEWEST: Final = REVISIONS[-1]
"""The revision that this version needs."""

LOCK_WAIT: Final = 120
"""Seconds that a process waits for another one that migrates."""

ADVISORY_LOCK: Final = 0x7461736B6D
"""Key of PostgreSQL's advisory lock for migrations; any number that nothing else in this database uses."""

_FIRST: Final = ("users", "tasks", "processed_requests")
"""Tables that every revision has, because other programs may have revisions named 0001 and 0002 too."""

_SETTING: Final = "TASKMANAGER_DATABASE_URL"

_VERSION: Final = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Table in which Alembic keeps the revision of a database."""


def upgrade(url: str) -> bool:
    """Run the missing migrations, all in one transaction; return whether there were any.

    Raises:
        SettingsError: this version cannot use the database; nothing was changed.
        StorageUnavailable: the database does not answer.
    """
    return not is_current(url) and _migrate(url)


def current(url: str) -> str | None:
    """Return the revision of the database, or None if no migration ever ran there.

    Raises:
        SettingsError: this version cannot use the database.
        StorageUnavailable: the database does not answer.
    """
    engine = create_engine(url, pooler="transaction", file="look")
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return None  # looking must not make the file
    store = Store(engine)
    try:
        with store.begin(writes=False) as transaction:
            return _revision(transaction.connection)
    finally:
        store.close()
        engine.dispose()


def is_current(url: str) -> bool:
    """Return whether the database has the tables that this version needs.

    Raises:
        SettingsError: this version cannot use the database.
        StorageUnavailable: the database does not answer.
    """
    return current(url) == NEWEST


def _migrate(url: str) -> bool:
    from taskmanager.storage.migrating import run_migrations  # noqa: PLC0415 - Alembic is slow to import, large and seldom needed

    engine = create_engine(url, pooler="transaction")
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _wait_longer)
    store = Store(engine)
    try:
        with store.begin(writes=True) as transaction:
            _lock(transaction.connection)
            if _revision(transaction.connection) == NEWEST:
                return False  # another process was first
            run_migrations(transaction.connection)
            return True
    finally:
        store.close()
        engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    """Return the revision, after checking that the database can be one of ours."""
    _check_encoding(connection)
    inspector = sa.inspect(connection)
    if not inspector.has_table(_VERSION.name):
        return None
    if _VERSION.c.version_num.name not in {column["name"] for column in inspector.get_columns(_VERSION.name)}:
        raise _not_ours(f"its table {_VERSION.name} has no column {_VERSION.c.version_num.name}")
    revisions = connection.execute(sa.select(_VERSION.c.version_num)).scalars().all()
    if not revisions:
        return None
    if len(revisions) > 1:
        raise _not_ours(f"its table {_VERSION.name} has {len(revisions)} rows instead of one")
    (revision,) = revisions
    if revision not in REVISIONS:
        raise _not_ours(f"it is at revision {revision!r}, and this version knows {', '.join(REVISIONS)}")
    missing = [name for name in _FIRST if not inspector.has_table(name)]
    if missing:
        raise _not_ours(f"it is at revision {revision!r} and has no table {missing[0]}")
    return str(revision)


def _check_encoding(connection: sa.Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        fact = f"{_SETTING}: the encoding of this database is {encoding}, and UTF8 is needed"
        raise SettingsError(
            [f"{fact}: make another database with CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8'"]
        )


def _not_ours(fact: str) -> SettingsError:
    whose = f"{_SETTING}: this database belongs to a newer version or to another program"
    return SettingsError([f"{whose}: {fact}. Nothing was changed. Use that version, or another database"])


def _wait_longer(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT * 1000}")


def _lock(connection: sa.Connection) -> None:
    """Wait for other processes that migrate; on SQLite, the writing transaction is the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
