"""Waiting for other processes that change the same database's tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

LOCK_WAIT: Final = 120
"""Seconds that a process waits for another one that migrates."""

ADVISORY_LOCK: Final = 0x6C657665726574
"""Key of PostgreSQL's advisory lock for migrations; any number that nothing else in this database uses."""


def wait_for_others(engine: sa.Engine) -> None:
    """Let connections of an engine wait long for the writing transaction of SQLite, which is the lock there."""
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _wait_longer)


def lock(connection: sa.Connection) -> None:
    """Wait for other processes that migrate, until the end of the transaction; on SQLite, that begins with waiting."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def _wait_longer(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT * 1000}")
    # A revision that changes a table of SQLite may make it anew and drop the old one. That would remove the rows that
    # refer to it (SQLite, "Making Other Kinds Of Table Schema Changes"), and within a transaction nobody can say so.
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.close()
