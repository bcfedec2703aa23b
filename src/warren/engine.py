"""Database engines: durable commits on SQLite and PostgreSQL, and a limit on every wait."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

import sqlalchemy as sa

from warren.prepared import say

LOCK_TIMEOUT: Final = 5
"""Seconds that a statement waits for a lock."""

STATEMENT_TIMEOUT: Final = 30
"""Seconds that PostgreSQL gives to one statement."""

_DEAD_PEER: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How a server that vanished without a word is noticed within half a minute (libpq, "Parameter Key Words")."""


def create_engine(url: str) -> sa.Engine:
    """Make an engine for SQLite or PostgreSQL with durable commits and limits on every wait.

    Raises:
        ValueError: another kind of database.
    """
    parsed = sa.make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql":
            return _postgresql(parsed)
        case other:
            raise ValueError(f"Database {other!r} is not supported: use sqlite or postgresql+psycopg")


def _sqlite(url: sa.URL) -> sa.Engine:
    arguments = {"timeout": LOCK_TIMEOUT, "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=arguments, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A deferred transaction that writes later fails at once when another one writes, whatever the timeout.
        writes = connection.get_execution_options().get("writes", True)
        say(connection, "BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; the first two connections that do so at once are refused without any wait."""
    give_up = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _postgresql(url: sa.URL) -> sa.Engine:
    limits = f"-c lock_timeout={LOCK_TIMEOUT}s -c statement_timeout={STATEMENT_TIMEOUT}s -c timezone=UTC"
    return sa.create_engine(
        url, connect_args={"options": limits, "connect_timeout": 5, **_DEAD_PEER}, hide_parameters=True
    )
