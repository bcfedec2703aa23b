"""Transactions on one connection to SQLite or PostgreSQL; database errors become ours here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from leveret.errors import RowRefused, StorageDoubtful, StorageFailed, StorageUnavailable
from leveret.sql.constraints import breaks_primary_key, table_of_refused_row
from leveret.sql.errors import (
    is_lock_timeout,
    is_read_only,
    locked_tables,
    reason,
    translate,
    translate_end,
    unavailable,
    undeclared,
)
from leveret.sql.prepared import say
from leveret.sql.records import KeyTaken, RequestKey, Row, StoredResponse
from leveret.sql.shared_connection import SharedConnection
from leveret.sql.sqlite_file import is_read_only_file
from leveret.sql.statements import FIND, FIND_ONE, SAVE, values
from leveret.sql.tables import metadata, processed_requests
from leveret.sql.write_counter import WriteCounter


class Transaction:
    """One open transaction."""

    def __init__(self, connection: SharedConnection, written: WriteCounter) -> None:
        self.connection = connection
        self._written = written

    @property
    def changes(self) -> int:
        """How many statements so far certainly wrote."""
        return self._written.changes

    @property
    def apart(self) -> bool:
        """Whether an action has left something that the next one would meet, or has tried something that is refused."""
        return bool(self.connection.left) or self.connection.refusal is not None

    @property
    def touched(self) -> int:
        """How many statements so far wrote or failed."""
        return self._written.statements

    def gather(self, expected: int) -> None:
        """Keep the rows of ``GatheredInsert`` back and add them together; see ``GatheredRows``."""
        self._written.gather(expected)

    def find(self, keys: Sequence[RequestKey]) -> Mapping[RequestKey, StoredResponse]:
        """Return the stored responses of these keys; keys without one are left out."""
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
        return {RequestKey(row[0], row[1]): StoredResponse(bytes(row[2]), row[3].encode()) for row in found}

    def save(self, rows: Sequence[Row]) -> None:
        """Add rows, in the order of their keys, so that two workers never wait for each other.

        Raises:
            KeyTaken: another transaction has added a row with one of the keys.
        """
        try:
            SAVE.run(self.connection, [values(row) for row in sorted(rows, key=_key)])
        except sa.exc.IntegrityError as error:
            if not breaks_primary_key(error, processed_requests):
                raise
            raise KeyTaken("Another worker answered the same request at the same time") from error


class SqlConnection:
    """One connection for one thread, opened when it is first needed and again after it broke.

    When any connection of the same engine breaks, this one is opened anew too: a restart of the database ends all of
    them, and otherwise each would meet an outage of its own.

    Args:
        engine: where to connect.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: SharedConnection | None = None
        self._written: WriteCounter | None = None
        self._doubted = False
        sa.event.listen(engine, "invalidate", self._doubt)

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[Transaction]:
        """Open a transaction: it is committed at the end, and rolled back when an exception leaves it.

        Raises:
            StorageUnavailable: the database does not answer, or another session has locked a whole table.
            StorageDoubtful: it failed as in an outage after the transaction had begun; whether a commit took place may
                be unknown.
            StorageBusy: a row is locked, or there was a conflict; nothing was written.
            StorageFailed: the database refused a statement; nothing was written.
        """
        begun, at_rim = False, True
        try:
            connection, written = self._open()
            if connection.get_execution_options().get("writes") is not writes:
                _switch(connection, writes=writes)
            with connection.begin():
                begun, at_rim = True, False
                connection.lent = True
                try:
                    yield Transaction(connection, written)
                    written.finish()
                finally:
                    connection.lent = False
                connection.check()
                at_rim = True
        except Exception as error:
            self._end_gathering()  # before anything else is asked, which would add the rows that are kept back
            translated = self._held_up(error) or self._translated(error, writes=writes, begun=begun, at_rim=at_rim)
            if isinstance(translated, StorageUnavailable):
                self.close()
            if translated is error:
                raise
            raise translated from error
        finally:
            self._end_gathering()
            self._clean()

    def translate(self, error: BaseException) -> BaseException:
        """Return ``StorageUnavailable``, ``StorageBusy`` or ``StorageFailed`` for a database error, else the error."""
        if not isinstance(error, sa.exc.DBAPIError):
            return error
        translated = _or_row_refused(error, translate(error))
        translated.__cause__ = error  # it tells where in the application it came about
        return translated

    def _translated(self, error: Exception, *, writes: bool, begun: bool, at_rim: bool) -> Exception:
        """Return our error for what has ended a transaction, where that came from the database."""
        kept, translated = self._connection, error
        if kept is not None and kept.refusal is not None:
            return kept.refusal
        if isinstance(error, sa.exc.DBAPIError):
            if begun and not writes and is_read_only(error) and not self._may_not_write():
                return undeclared(error)
            translated = _or_row_refused(error, translate_end(error) if at_rim else translate(error))
        elif kept is not None and kept.invalidated:  # whatever an action has made of that error
            translated = StorageUnavailable(f"The database does not answer: {reason(error)}")
        if begun and isinstance(translated, StorageUnavailable):
            return StorageDoubtful(str(translated), reason(error.__cause__ or error))
        return translated

    def _may_not_write(self) -> bool:
        """Whether this user may not write to the SQLite file, whatever the transaction may do."""
        url = self._engine.url
        return url.get_backend_name() == "sqlite" and is_read_only_file(Path(url.database or ""))

    def _held_up(self, error: Exception) -> StorageUnavailable | None:
        """After a wait for a lock: return an outage where another session has locked a whole table."""
        if self._connection is None or not is_lock_timeout(error):
            return None
        try:
            tables = locked_tables(self._connection)
        except sa.exc.DBAPIError as worse:
            return unavailable(worse)
        return StorageUnavailable(f"Another session has locked {', '.join(tables)}") if tables else None

    def close(self) -> None:
        """Close the connection; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _end_gathering(self) -> None:
        if self._written is not None:
            self._written.end()

    def _clean(self) -> None:
        """Close a connection on which an action has left something that cannot be undone."""
        kept = self._connection
        if kept is not None and (kept.left or kept.refusal is not None) and not kept.clean():
            self.close()

    def _doubt(self, _connection: object, _record: object, error: BaseException | None) -> None:
        self._doubted = self._doubted or error is not None  # without an error we gave it up ourselves, see `_clean`

    def _connect(self) -> SharedConnection:
        """Make the connection."""
        return SharedConnection(self._engine)

    def _open(self) -> tuple[SharedConnection, WriteCounter]:
        kept = self._connection
        if self._doubted or (kept is not None and (kept.invalidated or kept.closed)):
            self._doubted = False
            self.close()
        if self._connection is None or self._written is None:
            self._connection = self._connect()
            self._written = WriteCounter(self._connection)
        return self._connection, self._written


def _switch(connection: SharedConnection, *, writes: bool) -> None:
    """Let the transactions of a connection refuse writes from now on, or allow them; PostgreSQL's BEGIN says so."""
    if connection.dialect.name == "sqlite":
        say(connection, f"PRAGMA query_only = {int(not writes)}")
    else:
        driver: Any = connection.connection.driver_connection
        driver.read_only = None if writes else True
    connection.execution_options(writes=writes)


def _or_row_refused(error: sa.exc.DBAPIError, translated: Exception) -> Exception:
    """Return ``RowRefused`` where a row of an application's table broke a constraint: no other request meets that."""
    table = table_of_refused_row(error) if isinstance(translated, StorageFailed) else None
    return RowRefused(str(translated)) if table and table not in metadata.tables else translated


def _key(row: Row) -> RequestKey:
    return row.key
