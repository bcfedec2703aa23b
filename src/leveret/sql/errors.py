"""What a database error means: an outage, a conflict that passes, or a refused statement."""

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

_FORBIDDEN: Final = "42501"
"""PostgreSQL: insufficient privilege."""

_NOT_PREPARED: Final = "26000"
"""PostgreSQL: invalid SQL statement name. Our driver chose the name, so the server connection is another one."""

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
"""SQLite, primary result codes. In WAL mode a transaction meets a lock when it begins: not a request's fault."""

_LOCKED_TABLES: Final = sa.text(
    "SELECT DISTINCT c.relname FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
    " WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid()"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
    " AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND NOT starts_with(c.relname, 'pg_')"
    " ORDER BY c.relname LIMIT 3"
)
"""Tables to which nobody can write because another session has a lock, or waits for one, in a mode that conflicts with
ROW EXCLUSIVE, the mode of writers (PostgreSQL, "Table-Level Locks")."""


def translate(error: sa.exc.DBAPIError) -> StorageUnavailable | StorageBusy | StorageFailed:
    """Return our error for an error of a statement."""
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
    """Return our error for an error of connecting or of a commit.

    An error that the driver raised and the server did not send is an outage here: what became of a commit is unknown.
    """
    own = _state(error.orig) is None and type(error.orig).__name__ == "OperationalError"
    return unavailable(error) if own else translate(error)


def unavailable(error: sa.exc.DBAPIError) -> StorageUnavailable:
    """Return an outage with the text of this error."""
    return StorageUnavailable(f"The database does not answer: {reason(error)}")


def undeclared(error: sa.exc.DBAPIError) -> StorageFailed:
    """Return the error of an action that wanted to write and is not declared to."""
    return StorageFailed(f"An action that is not declared with writes=True wanted to write: {reason(error)}")


def is_read_only(error: sa.exc.DBAPIError) -> bool:
    """Return whether a write was refused because only reads are allowed, in this transaction or in the database."""
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_READONLY
    return _state(error.orig) == _READ_ONLY


def is_forbidden(error: sa.exc.DBAPIError) -> bool:
    """Return whether the role has not been granted what a statement needs."""
    return _state(error.orig) == _FORBIDDEN


def reason(error: BaseException) -> str:
    """Return the first line of the database's text."""
    # PostgreSQL's further lines show the row, including the hash of a password.
    return str(error.orig if isinstance(error, sa.exc.DBAPIError) else error).partition("\n")[0]


def is_lock_timeout(error: BaseException) -> bool:
    """Return whether a statement waited too long for the lock of a row or a table."""
    origin = error if isinstance(error, sa.exc.DBAPIError) else error.__cause__
    return isinstance(origin, sa.exc.DBAPIError) and _state(origin.orig) == _LOCK_TIMEOUT


def locked_tables(connection: sa.Connection) -> list[str]:
    """Return tables to which another session's lock lets nobody write at this moment; for PostgreSQL only."""
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
