"""The inbox's store on SQLAlchemy Core, for SQLite and PostgreSQL; foreign database errors become ours here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from warren.constraints import breaks_primary_key
from warren.database_errors import is_lock_timeout, locked_tables, translate
from warren.engine import create_engine
from warren.errors import StorageBusy, StorageUnavailable
from warren.statements import FIND, FIND_ONE, LEASE, SAVE, values
from warren.store import Key, KeyTaken, Lease, Row, Stored
from warren.tables import crash_journal, metadata, processed_requests, rate_windows
from warren.written import Written

__all__ = [
    "SqlStore",
    "SqlTransaction",
    "crash_journal",
    "create_engine",
    "metadata",
    "processed_requests",
    "rate_windows",
]

_PING: Final = Row(Key("", " ping"), b"", "", "", b"{}", datetime(2000, 1, 1, tzinfo=UTC))
"""A row for trying whether rows can be written; no request has such an id."""


class SqlTransaction:
    """One open transaction."""

    def __init__(self, connection: sa.Connection, written: Written) -> None:
        self.connection = connection
        self._written = written

    @property
    def touched(self) -> int:
        """Statements so far that wrote or failed."""
        return self._written.statements

    def gather(self, expected: int) -> None:
        """Have rows of ``GatheredInsert`` added together; see ``Transaction.gather``."""
        self._written.gather(self.connection, expected)

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Look up which keys have been answered."""
        if not keys:
            return {}
        if len(keys) == 1:
            found = FIND_ONE.rows(self.connection, {"principal": keys[0].principal, "id": keys[0].id})
        elif self.connection.dialect.name == "sqlite":
            found = FIND.rows(self.connection, {"keys": json.dumps(keys)})
        else:
            found = FIND.rows(
                self.connection, {"principals": [key.principal for key in keys], "ids": [key.id for key in keys]}
            )
        return {Key(row[0], row[1]): Stored(bytes(row[2]), row[3].encode()) for row in found}

    def save(self, rows: Sequence[Row]) -> None:
        """Add rows, in the order of their keys, so that two workers never wait for each other.

        Raises:
            KeyTaken: another transaction has added one of the keys.
        """
        try:
            SAVE.run(self.connection, [values(row) for row in sorted(rows, key=_key)])
        except sa.exc.IntegrityError as error:
            if not breaks_primary_key(error, processed_requests):
                raise
            raise KeyTaken("Another worker answered the same request at the same time") from error

    def forget_deaths(self, key: Key) -> None:
        """Remove the request from the crash journal."""
        self.connection.execute(crash_journal.delete().where(_is(crash_journal, key)))


class SqlStore:
    """The inbox's store: one connection, used by one thread, opened when first needed and again after it broke.

    When a connection of the same engine breaks, be it another store's, this one's is not trusted any more either: a
    restart of the database ends them all, and each store that found that out by itself would meet an outage of its own.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._doubted = False
        sa.event.listen(engine, "invalidate", self._doubt)
        self._written = Written()

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[SqlTransaction]:
        """Open a transaction: committed at the end, rolled back when an exception leaves it, which is translated.

        Raises:
            StorageUnavailable: the database does not answer, the outcome of the commit is unknown, or somebody holds
                a whole table.
            StorageBusy: a lock or a conflict; nothing was kept.
        """
        try:
            connection = self._open()
            if connection.get_execution_options().get("writes") is not writes:
                connection.execution_options(writes=writes)
            with connection.begin():
                yield SqlTransaction(connection, self._written)
                self._written.flush()
        except Exception as error:
            translated = self._held_up(error) or self.translate(error)
            if isinstance(translated, StorageUnavailable):
                self.close()
            if translated is error:
                raise
            raise translated from error
        finally:
            self._written.end()

    def translate(self, error: BaseException) -> BaseException:
        """Turn a database error into ``StorageUnavailable``, ``StorageBusy`` or ``StorageFailed``."""
        if not isinstance(error, sa.exc.DBAPIError):
            return error
        return translate(error)

    def _held_up(self, error: Exception) -> StorageUnavailable | None:
        """After a wait for a lock: say which table nobody can write to, so that it was not this request's lock."""
        if self._connection is None or not is_lock_timeout(error):
            return None
        try:
            tables = locked_tables(self._connection)
        except sa.exc.DBAPIError as worse:
            return StorageUnavailable(f"The database does not answer: {type(worse.orig).__name__}")
        return StorageUnavailable(f"Another session has locked {', '.join(tables)}") if tables else None

    def attempts(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Look up in the crash journal how many attempts began and have no end; what is not in it is left out."""
        journal = crash_journal.c
        wanted = sa.select(journal.principal, journal.id, journal.attempts).where(_are(crash_journal, keys))
        with self.begin(writes=False) as transaction:
            return {Key(row[0], row[1]): row[2] for row in transaction.connection.execute(wanted)}

    def count_attempt(self, key: Key) -> int:
        """Write into the crash journal that a request runs now; returns how many such attempts began before."""
        return self.count_attempts([key])[key]

    def count_attempts(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Do the same for several at once, each of them once; all are counted, or none."""
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        journal, now = crash_journal.c, datetime.now(UTC)
        statement = insert(crash_journal).values(
            [{"principal": key.principal, "id": key.id, "attempts": 1, "last_at": now} for key in sorted(keys)]
        )
        counted = statement.on_conflict_do_update(
            index_elements=[journal.principal, journal.id],
            set_={"attempts": journal.attempts + 1, "last_at": statement.excluded.last_at},
        ).returning(journal.principal, journal.id, journal.attempts)
        with self.begin(writes=True) as transaction:
            return {Key(row[0], row[1]): row[2] - 1 for row in transaction.connection.execute(counted)}

    def forget_attempts(self, keys: Sequence[Key]) -> None:
        """Remove all that the crash journal says of several at once."""
        with self.begin(writes=True) as transaction:
            transaction.connection.execute(crash_journal.delete().where(_are(crash_journal, sorted(keys))))

    def take_back_attempts(self, keys: Sequence[Key]) -> None:
        """Take attempts out of the crash journal whose worker did not die: an outage ended them."""
        with self.begin(writes=True) as transaction:
            for key in sorted(keys):
                transaction.connection.execute(
                    crash_journal.update()
                    .where(_is(crash_journal, key), crash_journal.c.attempts > 0)
                    .values(attempts=crash_journal.c.attempts - 1)
                )

    def lease(self, shares: Mapping[str, int], window: timedelta) -> Mapping[str, Lease]:
        """Lease shares of principals' requests in their windows, all in one transaction."""
        length = round(window / timedelta(milliseconds=1))
        leases = {}
        with self.begin(writes=True) as transaction:
            for principal, share in sorted(shares.items()):  # in order, so that two workers never wait for each other
                wanted = {"principal": principal, "length": length, "share": share}
                ((ends, taken, left),) = LEASE.rows(transaction.connection, wanted)
                leases[principal] = Lease(ends, taken, left / 1000)
        return leases

    def forget_answers(self, before: datetime, most: int) -> int:
        """Remove up to ``most`` rows from each table that are older than a moment; returns how many went from one."""
        old = {
            processed_requests: processed_requests.c.created_at < before,
            crash_journal: crash_journal.c.last_at < before,
            rate_windows: rate_windows.c.ends_ms < round(before.timestamp() * 1000),
        }
        with self.begin(writes=True) as transaction:
            return max(_forget(transaction.connection, table, rows, most) for table, rows in old.items())

    def ping(self) -> None:
        """Check that the database answers and keeps what is written: not on a full disk, not on a read-only standby.

        Raises:
            StorageUnavailable: it does not.
        """
        try:
            with self.begin(writes=True) as transaction:
                transaction.connection.execute(processed_requests.insert(), [values(_PING)])
                transaction.connection.execute(processed_requests.delete().where(_is(processed_requests, _PING.key)))
        except StorageBusy as error:  # no request is involved: whatever it waited for, others wait for it too
            raise StorageUnavailable(str(error)) from error

    def close(self) -> None:
        """Close the connection; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _doubt(self, _connection: object, _record: object, error: BaseException | None) -> None:
        self._doubted = self._doubted or error is not None  # without an error it was given up, as below

    def _open(self) -> sa.Connection:
        if self._doubted:
            self._doubted = False
            self.close()
        if self._connection is None:
            self._connection = self._engine.connect()
            self._written.watch(self._connection)
        return self._connection


def _forget(connection: sa.Connection, table: sa.Table, rows: sa.ColumnElement[bool], most: int) -> int:
    """Remove up to ``most`` of some rows: first found by their age, then removed by their key."""
    key = [sa.bindparam(f"_{column.name}", type_=column.type) for column in table.primary_key]
    found = connection.execute(sa.select(*table.primary_key).where(rows).limit(most)).all()
    if found:
        same = sa.and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))
        gone = table.delete().where(same, rows)  # not what was renewed meanwhile
        connection.execute(gone, [{f"_{n}": v for n, v in row._mapping.items()} for row in found])
    return len(found)


def _is(table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.principal == key.principal, table.c.id == key.id)


def _are(table: sa.Table, keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    return sa.tuple_(table.c.principal, table.c.id).in_([tuple(key) for key in keys])


def _key(row: Row) -> Key:
    return row.key
