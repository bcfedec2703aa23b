"""The inbox's store on SQLAlchemy Core, for SQLite and PostgreSQL; database errors become ours here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from leveret.errors import StorageBusy, StorageFailed, StorageUnavailable
from leveret.sql.connection import SqlConnection
from leveret.sql.event_rows import forget_events
from leveret.sql.records import Lease, RequestKey, Row
from leveret.sql.statements import LEASE, NOW, values
from leveret.sql.tables import UtcDateTime, crash_journal, processed_requests, rate_windows
from leveret.sql.turn import restoring_turn

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
RECOVERY: Final = 2.0
"""Seconds in which a server that has just failed may come back: when one of its processes has crashed, it notices that
after a moment, and then ends all connections."""

_LOOK: Final = 0.1
"""Seconds between two attempts to reach the database."""


class Store(SqlConnection):
    """The inbox's store, on a connection of its own.

    Args:
        engine: where to connect.
        recovery: seconds that ``answers`` waits for a server that does not answer.
    """

    def __init__(self, engine: sa.Engine, *, recovery: float = RECOVERY) -> None:
        super().__init__(engine)
        self._recovery = recovery
        self._now: sa.ColumnElement[datetime] = sa.literal_column(NOW[engine.dialect.name])

    def lease(self, shares: Mapping[str, int], window: timedelta) -> Mapping[str, Lease]:
        """Lease shares of principals' rate limits, all in one transaction."""
        length = round(window / timedelta(milliseconds=1))
        leases = {}
        with self.begin(writes=True) as transaction:
            for principal, share in sorted(shares.items()):  # sorted, so that two workers never wait for each other
                wanted = {"principal": principal, "length": length, "share": share}
                ((ends, taken, left),) = LEASE.rows(transaction.connection, wanted)
                leases[principal] = Lease(ends, taken, left / 1000)
        return leases

    @contextmanager
    def restoring(self) -> Iterator[bool]:
        """Yield whether nobody else brings letters back while the block runs; see `restoring_turn`.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        with ExitStack() as stack:
            try:
                ours = stack.enter_context(restoring_turn(self._engine))
            except (sa.exc.DBAPIError, OSError) as error:
                raise StorageUnavailable(f"The database does not answer: {error}") from error
            yield ours

    def clock(self) -> datetime:
        """Return the time by the database's clock."""
        with self.begin(writes=False) as transaction:
            return self._read_clock(transaction.connection)

    def _read_clock(self, connection: sa.Connection) -> datetime:
        found: datetime = connection.execute(sa.select(sa.type_coerce(self._now, UtcDateTime))).scalar_one()
        return found

    def forget_answers(self, age: timedelta, most: int) -> int:
        """Remove up to ``most`` rows older than ``age`` from each table; return the largest number removed from one."""
        with self.begin(writes=True) as transaction:
            tables = _older_than(self._read_clock(transaction.connection) - age).items()
            return max(_forget(transaction.connection, table, rows, most) for table, rows in tables)

    def forget_events(self, age: timedelta, most: int) -> int:
        """Remove up to ``most`` events older than ``age``; return how many were removed."""
        with self.begin(writes=True) as transaction:
            return forget_events(transaction.connection, self._read_clock(transaction.connection) - age, most)

    def ping(self) -> None:
        """Check that the database answers and accepts rows in each table that every request may need.

        It does not when the disk is full, on a read-only standby, or when a table or a right on it is missing.

        Raises:
            StorageUnavailable: it does not.
        """
        try:
            with self.begin(writes=True) as transaction:
                for table, row in _pings().items():
                    key = {column.name: row[column.name] for column in table.primary_key}
                    transaction.connection.execute(table.insert(), [row])
                    transaction.connection.execute(table.delete().filter_by(**key))
        except (StorageBusy, StorageFailed) as error:  # no request is involved, so every request would meet the same
            raise StorageUnavailable(str(error)) from error

    def answers(self) -> None:
        """Check on a new connection that the database answers, and wait a moment for it if it does not.

        Raises:
            StorageUnavailable: it does not.
        """
        give_up = time.monotonic() + self._recovery
        while True:
            self.close()
            try:
                return self.ping()
            except StorageUnavailable:
                if time.monotonic() > give_up:
                    raise
            time.sleep(_LOOK)


def _pings() -> dict[sa.Table, dict[str, Any]]:
    """Return rows to write as a trial; no other trial waits for them, and no request can have such an id."""
    name = f" ping {secrets.token_hex(8)}"
    return {
        processed_requests: {**values(Row(RequestKey("", name), b"", "", "", b"{}")), "created_at": _LONG_AGO},
        crash_journal: {"principal": "", "id": name, "attempts": 0, "last_at": _LONG_AGO},
        rate_windows: {"principal": name, "ends_ms": 0, "taken": 0},
    }


def _older_than(moment: datetime) -> dict[sa.Table, sa.ColumnElement[bool]]:
    return {
        processed_requests: processed_requests.c.created_at < moment,
        crash_journal: crash_journal.c.last_at < moment,
        rate_windows: rate_windows.c.ends_ms < round(moment.timestamp() * 1000),
    }


def _forget(connection: sa.Connection, table: sa.Table, rows: sa.ColumnElement[bool], most: int) -> int:
    """Remove up to ``most`` of the given rows: they are found by their age and removed by their key."""
    key = [sa.bindparam(f"_{column.name}", type_=column.type) for column in table.primary_key]
    found = connection.execute(sa.select(*table.primary_key).where(rows).limit(most)).all()
    if found:
        same = sa.and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))
        gone = table.delete().where(same, rows)  # unless the row was renewed meanwhile
        connection.execute(gone, [{f"_{n}": v for n, v in row._mapping.items()} for row in found])
    return len(found)
