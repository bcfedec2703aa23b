"""The inbox's store on SQLAlchemy Core, for SQLite and PostgreSQL; foreign database errors become ours here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from warren.engine import create_engine
from warren.errors import StorageBusy, StorageFailed, StorageUnavailable
from warren.store import Key, KeyTaken, Row, Stored

__all__ = ["SqlStore", "SqlTransaction", "crash_journal", "create_engine", "metadata", "processed_requests"]

metadata: Final = sa.MetaData()
"""The tables that warren needs; an application's migrations make them."""

processed_requests: Final = sa.Table(
    "processed_requests",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("response_json", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""One row for each request whose response is kept (the key is a caller's, so it holds the caller)."""

crash_journal: Final = sa.Table(
    "crash_journal",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each redelivered request that is running now, or whose worker died while it ran."""

# One text for any number of keys, so that it is prepared once and found by the primary key.
_FIND: Final = {
    "sqlite": sa.text(
        "SELECT p.principal, p.id, p.fingerprint, p.response_json FROM json_each(:keys) AS k"
        " CROSS JOIN processed_requests AS p"
        " ON p.principal = json_extract(k.value, '$[0]') AND p.id = json_extract(k.value, '$[1]')"
    ),
    "postgresql": sa.text(
        "SELECT p.principal, p.id, p.fingerprint, p.response_json"
        " FROM unnest(CAST(:principals AS text[]), CAST(:ids AS text[])) AS k (principal, id)"
        " JOIN processed_requests AS p ON p.principal = k.principal AND p.id = k.id"
    ),
}

_PASSING_STATES: Final = ("40001", "40P01", "55P03", "57014")
"""PostgreSQL: serialization failure, deadlock, lock not available, statement timeout (Appendix A)."""

_OUTAGE_CLASSES: Final = ("08", "53", "57P", "58")
"""PostgreSQL: connection exception, insufficient resources, shutdown, system error."""

_READ_ONLY: Final = "25006"
"""PostgreSQL: a write in a read-only transaction, as on a standby after a failover."""

_PING: Final = Row(Key("", " ping"), b"", "", "", b"{}", datetime(2000, 1, 1, tzinfo=UTC))
"""A row for trying whether rows can be written; no request has such an id."""

_SQLITE_OUTAGES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)
"""SQLite, primary result codes: in WAL mode a lock is met when a transaction begins, which is no request's fault."""


class SqlTransaction:
    """One open transaction."""

    def __init__(self, connection: sa.Connection, written: _Written) -> None:
        self.connection = connection
        self._written = written

    @property
    def touched(self) -> int:
        """Statements so far that wrote or failed."""
        return self._written.statements

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Look up which keys have been answered."""
        if not keys:
            return {}
        dialect = self.connection.dialect.name
        parameters: dict[str, Any] = (
            {"keys": json.dumps(keys)}
            if dialect == "sqlite"
            else {"principals": [key.principal for key in keys], "ids": [key.id for key in keys]}
        )
        found = self.connection.execute(_FIND[dialect], parameters)
        return {Key(row[0], row[1]): Stored(bytes(row[2]), row[3].encode()) for row in found}

    def save(self, rows: Sequence[Row]) -> None:
        """Add rows, in the order of their keys, so that two workers never wait for each other.

        Raises:
            KeyTaken: another transaction has added one of the keys.
        """
        try:
            self.connection.execute(processed_requests.insert(), [_values(row) for row in sorted(rows, key=_key)])
        except sa.exc.IntegrityError as error:
            raise KeyTaken("Another worker answered the same request at the same time") from error

    def forget_deaths(self, key: Key) -> None:
        """Remove the request from the crash journal."""
        self.connection.execute(crash_journal.delete().where(_is(crash_journal, key)))


class SqlStore:
    """The inbox's store: one connection, used by one thread, opened when first needed and again after it broke."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._written = _Written()

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[SqlTransaction]:
        """Open a transaction: committed at the end, rolled back when an exception leaves it, which is translated.

        Raises:
            StorageUnavailable: the database does not answer, or the outcome of the commit is unknown.
            StorageBusy: a lock or a conflict; nothing was kept.
        """
        try:
            connection = self._open().execution_options(writes=writes)
            with connection.begin():
                yield SqlTransaction(connection, self._written)
        except Exception as error:
            translated = self.translate(error)
            if isinstance(translated, StorageUnavailable):
                self.close()
            if translated is error:
                raise
            raise translated from error

    def translate(self, error: BaseException) -> BaseException:
        """Turn a database error into ``StorageUnavailable``, ``StorageBusy`` or ``StorageFailed``."""
        if not isinstance(error, sa.exc.DBAPIError):
            return error
        # The first line only: PostgreSQL's next ones show the row, a password's hash included.
        text = str(error.orig).partition("\n")[0]
        if error.connection_invalidated or _is_outage(error.orig):
            return StorageUnavailable(f"The database does not answer: {text}")
        if getattr(error.orig, "sqlstate", None) in _PASSING_STATES:
            return StorageBusy(f"The database is busy: {text}")
        return StorageFailed(f"The database refused a statement: {type(error.orig).__name__}: {text}")

    def count_attempt(self, key: Key) -> int:
        """Write into the crash journal that a request runs now; returns how many such attempts began before."""
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        statement = insert(crash_journal).values(
            principal=key.principal, id=key.id, attempts=1, last_at=datetime.now(UTC)
        )
        counted = statement.on_conflict_do_update(
            index_elements=[crash_journal.c.principal, crash_journal.c.id],
            set_={"attempts": crash_journal.c.attempts + 1, "last_at": statement.excluded.last_at},
        ).returning(crash_journal.c.attempts)
        with self.begin(writes=True) as transaction:
            return int(transaction.connection.execute(counted).scalar_one()) - 1

    def take_back_attempts(self, keys: Sequence[Key]) -> None:
        """Take attempts out of the crash journal whose worker did not die: an outage ended them."""
        with self.begin(writes=True) as transaction:
            for key in sorted(keys):
                transaction.connection.execute(
                    crash_journal.update()
                    .where(_is(crash_journal, key), crash_journal.c.attempts > 0)
                    .values(attempts=crash_journal.c.attempts - 1)
                )

    def forget_answers(self, before: datetime, most: int) -> int:
        """Remove up to ``most`` rows that were stored before a moment; returns how many went."""
        table = processed_requests.c
        old = sa.select(table.principal, table.id).where(table.created_at < before).limit(most)
        with self.begin(writes=True) as transaction:
            transaction.connection.execute(crash_journal.delete().where(crash_journal.c.last_at < before))
            keys = transaction.connection.execute(old).all()
            for principal, request_id in keys:
                gone = processed_requests.delete().where(_is(processed_requests, Key(principal, request_id)))
                transaction.connection.execute(gone)
        return len(keys)

    def ping(self) -> None:
        """Check that the database answers and keeps what is written: not on a full disk, not on a read-only standby.

        Raises:
            StorageUnavailable: it does not.
        """
        with self.begin(writes=True) as transaction:
            transaction.connection.execute(processed_requests.insert(), [_values(_PING)])
            transaction.connection.execute(processed_requests.delete().where(_is(processed_requests, _PING.key)))

    def close(self) -> None:
        """Close the connection; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _open(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            sa.event.listen(self._connection, "before_cursor_execute", self._written.count)
            sa.event.listen(self._connection, "after_cursor_execute", self._written.discount)
        return self._connection


class _Written:
    """Counts the statements of a connection after which a transaction is not as it was before.

    All but reads that succeeded: PostgreSQL refuses everything in a transaction after a failed statement, reads too.
    """

    def __init__(self) -> None:
        self.statements = 0

    def count(self, *_execution: object) -> None:
        self.statements += 1

    def discount(self, _connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SELECT"):
            self.statements -= 1


def _is_outage(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_OUTAGES
    state = getattr(error, "sqlstate", None)
    if state is None:
        return type(error).__name__ == "OperationalError"
    return state == _READ_ONLY or (state not in _PASSING_STATES and state.startswith(_OUTAGE_CLASSES))


def _is(table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.principal == key.principal, table.c.id == key.id)


def _key(row: Row) -> Key:
    return row.key


def _values(row: Row) -> dict[str, Any]:
    return {
        "principal": row.key.principal,
        "id": row.key.id,
        "fingerprint": row.fingerprint,
        "version": row.version,
        "action": row.action,
        "response_json": row.response.decode(),
        "created_at": row.created_at,
    }
