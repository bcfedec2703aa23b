"""Bring a database to the tables that this version needs; safe when several processes do it at once."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from warren.sql import SqlStore, create_engine

LOCK_WAIT: Final = 120
"""Seconds that a process waits for another one that migrates."""

ADVISORY_LOCK: Final = 0x7461736B6D
"""PostgreSQL, "Advisory Locks": any number that nobody else in this database uses."""


def upgrade(url: str) -> bool:
    """Run the migrations that are missing, all of them in one transaction; returns whether there were any.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _wait_longer)
    store = SqlStore(engine)
    try:
        with store.begin(writes=True) as transaction:
            _lock(transaction.connection)
            before = _revision(transaction.connection)
            if before != newest():
                command.upgrade(_config(transaction.connection), "head")
            return before != newest()
    finally:
        store.close()
        engine.dispose()


def current(url: str) -> str | None:
    """Give the revision of the database, or None when nothing was ever migrated there.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    engine = create_engine(url)
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
    return current(url) == newest()


def newest() -> str | None:
    """Give the revision that this version needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: sa.Connection | None = None) -> Config:
    """Make Alembic's settings without a file, so that an installed package can migrate too."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _wait_longer(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT * 1000}")


def _lock(connection: sa.Connection) -> None:
    """Wait for other processes; SQLite's writing transaction is its own lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
