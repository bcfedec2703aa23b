"""A database for one test: SQLite in memory, whose clock moves with the test's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from leveret.errors import StorageUnavailable
from leveret.sql.engine import create_engine, create_memory_engine

_FUNCTIONS: Final = ("date", "time", "datetime", "julianday", "strftime")
_READING: Final = ("SELECT", "VALUES", "EXPLAIN", "PRAGMA")
"""What statements begin with that only read."""

_CONSTANTS: Final = {"current_date": "date", "current_time": "time", "current_timestamp": "datetime"}
"""SQLite's functions of time, and what its constants are short for (SQLite, "Date And Time Functions")."""


@contextmanager
def memory_database() -> Iterator[sa.Engine]:
    """Make an empty SQLite database in memory, which any number of connections and threads share, for a block.

    Raises:
        StorageUnavailable: this Python's SQLite is older than 3.36.
    """
    try:
        engine = create_memory_engine()
    except StorageUnavailable as error:
        raise StorageUnavailable(f"{error}: give the test the URL of a file as its database") from error
    try:
        with engine.connect():  # it exists as long as it has a connection
            yield engine
    finally:
        engine.dispose()


@contextmanager
def given_database(url: str) -> Iterator[sa.Engine]:
    """Use a database of the test's own for a block; see `leveret.sql.create_engine`."""
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def looking(engine: sa.Engine) -> sa.Engine:
    """Return an engine for a test, whose reading keeps nobody else from writing.

    On SQLite it begins a transaction, which locks the database, with the first statement that may write. Before that
    each statement reads what is committed.

    Args:
        engine: the worker's.
    """
    if engine.dialect.name != "sqlite":
        return engine
    looking = engine.execution_options(writes=None)
    sa.event.listen(looking, "before_cursor_execute", _begin_to_write)
    return looking


def _begin_to_write(
    connection: sa.Connection, cursor: Any, statement: str, _values: object, _context: object, _many: object
) -> None:
    reads = statement.lstrip(" \t\r\n(").upper().startswith(_READING)
    if not reads and connection.in_transaction() and not cursor.connection.in_transaction:
        cursor.execute("BEGIN IMMEDIATE")


@contextmanager
def moved_clock(engine: sa.Engine, posix: Callable[[], float]) -> Iterator[None]:
    """Let ``now`` in SQLite mean the time of another clock, on connections that the engine opens during a block.

    Another database keeps its own clock.

    Args:
        engine: has no connections yet.
        posix: returns POSIX time in seconds; called in any thread.
    """
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as plain:
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", partial(_replace, _Times(plain, posix)))
        yield


class _Times:
    """Calls SQLite's own functions, with our time where they would take the machine's."""

    def __init__(self, plain: sqlite3.Connection, posix: Callable[[], float]) -> None:
        self._plain = plain
        self._posix = posix
        self._lock = threading.Lock()

    def call(self, name: str, *given: Any) -> Any:
        """Call a function of `_FUNCTIONS`."""
        before = 1 if name == "strftime" else 0
        form, moment, modifiers = given[:before], given[before : before + 1] or ("now",), given[before + 1 :]
        if isinstance(moment[0], str) and moment[0].lower() == "now":
            moment = self._posix(), "unixepoch"
        values = (*form, *moment, *modifiers)
        with self._lock:
            return self._plain.execute(f"SELECT {name}({', '.join('?' * len(values))})", values).fetchone()[0]


def _replace(times: _Times, connection: sqlite3.Connection, _record: object) -> None:
    # Deterministic, as SQLite's own are: within one statement, all calls return the same.
    for name in _FUNCTIONS:
        connection.create_function(name, -1, partial(times.call, name), deterministic=True)
    for name, function in _CONSTANTS.items():
        connection.create_function(name, 0, partial(times.call, function), deterministic=True)
