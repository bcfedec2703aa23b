"""Database engines for SQLite and PostgreSQL: durable commits, and a limit on every wait."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from leveret.errors import StorageUnavailable
from leveret.sql.libpq import read_parameters
from leveret.sql.pooling import Pooler, Sessions
from leveret.sql.prepared import say
from leveret.sql.sqlite_file import FileConnection, FileUse, SqliteFile, obstacle

LOCK_TIMEOUT: Final = 5
"""Seconds that a statement waits for a lock."""

STATEMENT_TIMEOUT: Final = 30
"""Seconds after which PostgreSQL ends a statement."""

_PARAMETERS: Final = {
    "lock_timeout": f"{LOCK_TIMEOUT}s",
    "statement_timeout": f"{STATEMENT_TIMEOUT}s",
    "timezone": "UTC",
}
"""Parameters of each transaction on PostgreSQL."""


_ABOUT_THE_FILE: Final = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""SQLite, primary result codes whose texts say that something is wrong with a file, but not with which one."""


_SHARED_MEMORY: Final = (3, 36, 0)
"""First version of SQLite in which connections can share a database in memory without a cache in common."""


def create_engine(url: str, *, pooler: Pooler = "auto", file: FileUse = "make") -> sa.Engine:
    """Return an engine for SQLite or PostgreSQL, with durable commits and a limit on every wait.

    Args:
        url: as SQLAlchemy writes it.
        pooler: what is between us and PostgreSQL, see ``Sessions``; ``transaction`` is right in every case.
        file: what connecting may do with an SQLite file.

    Raises:
        ValueError: the database is of another kind, or an SQLite database without a file, or a parameter of the URL
            cannot be used, or PostgreSQL's driver is not installed.
    """
    parsed = sa.make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, file)
        case "postgresql":
            return _postgresql(parsed, pooler)
        case other:
            raise ValueError(f"Database {other!r} is not supported: use sqlite or postgresql+psycopg")


def _sqlite(url: sa.URL, use: FileUse) -> sa.Engine:
    file = SqliteFile(_path_of(url), use)

    def connect() -> FileConnection:
        connection = file.open(timeout=LOCK_TIMEOUT, check_same_thread=False)
        try:
            _prepare_sqlite(connection, durable=use != "look")
            connection.watch(file)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = sa.create_engine(url, creator=connect, hide_parameters=True)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        file.check()
        _begin_sqlite(connection)

    @sa.event.listens_for(engine, "handle_error")
    def name_file(context: sa.engine.ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _ABOUT_THE_FILE:
            hindered = obstacle(file.path)
            error.args = (f"{error} ({url.database}{f': {hindered}' if hindered else ''})",)

    return engine


def create_memory_engine(*, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> sa.Engine:
    """Return an engine for a new SQLite database in memory, for tests and for workers that keep nothing.

    Any number of connections and threads of this process share it, and wait for each other's locks as with a file. It
    is gone with its last connection.

    Args:
        version: SQLite's.

    Raises:
        StorageUnavailable: this Python's SQLite is older than 3.36.
    """
    if version < _SHARED_MEMORY:
        found = ".".join(map(str, version))
        raise StorageUnavailable(f"A database in memory needs SQLite 3.36, and this is {found}")
    name = f"file:/leveret-{secrets.token_hex(8)}?vfs=memdb"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(name, uri=True, timeout=LOCK_TIMEOUT, check_same_thread=False)
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool, hide_parameters=True)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: sa.Connection) -> None:
    # A deferred transaction that writes later fails at once when another one writes, whatever the timeout.
    writes = connection.get_execution_options().get("writes", True)
    if writes is None:  # who has this engine begins by himself when he writes
        return
    say(connection, "BEGIN IMMEDIATE" if writes else "BEGIN")


def _path_of(url: sa.URL) -> Path:
    name = url.database or ""
    if not name or ":memory:" in name or name.startswith("file:"):
        raise ValueError("SQLite needs the path of a file, such as sqlite:///api.db: a worker has several connections")
    if url.query:
        raise ValueError("SQLite's URL takes no parameters behind a ?; a ? in the file's name is written %3F")
    return Path(name)


def _prepare_sqlite(connection: sqlite3.Connection, *, durable: bool) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    if durable:
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return
    # SQLite opens the write-ahead log at the first statement. Until then another process, if it is the last one that
    # has it open, may remove it, and the next one makes a new log: this connection would find a replaced file.
    with suppress(sqlite3.Error):  # the next statement says it
        connection.execute("PRAGMA schema_version").fetchone()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; when two connections do so at once, SQLite refuses one without waiting."""
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


def _postgresql(url: sa.URL, pooler: Pooler) -> sa.Engine:
    wanted = read_parameters(url)
    engine = sa.create_engine(wanted.url, connect_args=wanted.arguments, hide_parameters=True)
    Sessions(_PARAMETERS, pooler, wanted.prepared_after).listen(engine)
    return engine
