"""What an error of the database means: an outage, a conflict that passes, or a statement that it refuses."""

from __future__ import annotations

import sqlite3
from typing import Final

import sqlalchemy as sa

from leveret.errors import StorageBusy, StorageFailed, StorageUnavailable

_LOCK_TIMEOUT: Final = "55P03"
"""PostgreSQL: lock not available."""

_PASSING_STATES: Final = ("40001", "40P01", _LOCK_TIMEOUT, "57014")
"""PostgreSQL: serialization failure, deadlock, lock not available, statement timeout (Appendix A)."""

_OUTAGE_CLASSES: Final = ("08", "53", "57P", "58")
"""PostgreSQL: connection exception, insufficient resources, shutdown, system error."""

_READ_ONLY: Final = "25006"
"""PostgreSQL: a write in a read-only transaction, as on a standby after a failover."""

_NOT_PREPARED: Final = "26000"
"""PostgreSQL: invalid SQL statement name. Names are our driver's, so the server connection is not the one it was."""

_SQLITE_OUTAGES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)
"""SQLite, primary result codes: in WAL mode a lock is met when a transaction begins, which is no request's fault."""

_LOCKED_TABLES: Final = sa.text(
    "SELECT DISTINCT c.relname FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
    " WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid()"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
    " AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND NOT starts_with(c.relname, 'pg_')"
    " ORDER BY c.relname LIMIT 3"
)
"""Tables that another session keeps writers out of, with a lock or already with its wait for one: the modes that
ROW EXCLUSIVE, a writer's, conflicts with (PostgreSQL, "Table-Level Locks")."""


def translate(error: sa.exc.DBAPIError) -> StorageUnavailable | StorageBusy | StorageFailed:
    """Turn an error of a statement into one of ours."""
    if _state(error.orig) == _NOT_PREPARED:
        return StorageUnavailable(
            "A statement that was prepared on this connection is gone: a pooler gives each transaction another server "
            "connection, although it was said to keep sessions"
        )
    if error.connection_invalidated or _is_outage(error.orig):
        return unavailable(error)
    if _passes(error.orig):
        return StorageBusy(f"The database is busy: {reason(error)}")
    return StorageFailed(f"The database refused a statement: {type(error.orig).__name__}: {reason(error)}")


def translate_end(error: sa.exc.DBAPIError) -> StorageUnavailable | StorageBusy | StorageFailed:
    """Turn an error of a connection's opening or of a commit into one of ours.

    There the driver's own error, which the server did not send, is an outage: such a commit's outcome is unknown.
    """
    own = _state(error.orig) is None and type(error.orig).__name__ == "OperationalError"
    return unavailable(error) if own else translate(error)


def unavailable(error: sa.exc.DBAPIError) -> StorageUnavailable:
    """Make an outage of an error."""
    return StorageUnavailable(f"The database does not answer: {reason(error)}")


def undeclared(error: sa.exc.DBAPIError) -> StorageFailed:
    """Say that a transaction only reads, since no action in it is declared to write."""
    return StorageFailed(f"An action that is not declared with writes=True wanted to write: {reason(error)}")


def is_read_only(error: sa.exc.DBAPIError) -> bool:
    """Whether it is a write where only reads are allowed: in such a transaction, or in the whole database."""
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_READONLY
    return _state(error.orig) == _READ_ONLY


def reason(error: BaseException) -> str:
    """Say in one line what the database said."""
    # The first line only: PostgreSQL's next ones show the row, a password's hash included.
    return str(error.orig if isinstance(error, sa.exc.DBAPIError) else error).partition("\n")[0]


def is_lock_timeout(error: BaseException) -> bool:
    """Whether it came of a statement that waited too long for a lock, be it a row's or a table's."""
    origin = error if isinstance(error, sa.exc.DBAPIError) else error.__cause__
    return isinstance(origin, sa.exc.DBAPIError) and _state(origin.orig) == _LOCK_TIMEOUT


def locked_tables(connection: sa.Connection) -> list[str]:
    """Name tables of which another session keeps all writers out at this moment; PostgreSQL only."""
    with connection.begin():
        return list(connection.execute(_LOCKED_TABLES).scalars())


def _is_outage(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_OUTAGES
    state = _state(error)
    if state is None:  # the driver's own, about a connection that is not broken: this statement cannot be sent
        return False
    return state == _READ_ONLY or (state not in _PASSING_STATES and state.startswith(_OUTAGE_CLASSES))


def _passes(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):  # a conflict within one connection, such as with a cursor that is left open
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_LOCKED
    return _state(error) in _PASSING_STATES


def _state(error: BaseException | None) -> str | None:
    state = getattr(error, "sqlstate", None)
    return None if state is None else str(state)
