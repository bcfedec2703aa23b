"""Bring a database to the tables that this version needs; safe when several processes do it at once."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from warren.sql import SqlStore, create_engine

NEWEST: Final = "0002"
"""The revision that this version needs; it stands here too so that Alembic has to be imported only to migrate."""

LOCK_WAIT: Final = 120
"""Seconds that a process waits for another one that migrates."""

ADVISORY_LOCK: Final = 0x7461736B6D
"""PostgreSQL, "Advisory Locks": any number that nobody else in this database uses."""

_VERSION: Final = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Where Alembic keeps the revision of a database."""


def upgrade(url: str) -> bool:
    """Run the migrations that are missing, all of them in one transaction; returns whether there were any.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    return not is_current(url) and _migrate(url)


def current(url: str) -> str | None:
    """Give the revision of the database, or None when nothing was ever migrated there.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    engine = create_engine(url, pooler="transaction")
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return None  # to ask must not make the file
    store = SqlStore(engine)
    try:
        with store.begin(writes=False) as transaction:
            return _revision(transaction.connection)
    finally:
        store.close()
        engine.dispose()


def is_current(url: str) -> bool:
    """Say whether the database has the tables that this version needs.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    return current(url) == NEWEST


def _migrate(url: str) -> bool:
    from taskmanager.storage.migrating import run_migrations  # noqa: PLC0415 - Alembic is slow to import, large, seldom needed

    engine = create_engine(url, pooler="transaction")
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _wait_longer)
    store = SqlStore(engine)
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
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()


def _wait_longer(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT * 1000}")


def _lock(connection: sa.Connection) -> None:
    """Wait for other processes; SQLite's writing transaction is its own lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
