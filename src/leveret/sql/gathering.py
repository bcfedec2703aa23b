"""Rows of several requests, added together: what a batch adds is kept back and written with one statement.

Whoever asks the database for anything meanwhile finds all of it, because what is kept back is added first. A row that
is refused then fails the whole batch, whose requests run again one by one: there each row is added at once, and its
request meets the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import sqlalchemy as sa

from leveret.sql.bulk import BulkInsert
from leveret.sql.prepared import Prepared, Values

_KEY: Final = "leveret gathers"

_IDS: Final = Prepared(
    {
        "sqlite": sa.text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :name"),
        "postgresql": sa.text(
            "SELECT nextval(own.ids) FROM"
            " (SELECT CAST(pg_get_serial_sequence(quote_ident(:name), 'id') AS regclass) AS ids OFFSET 0) AS own,"
            " generate_series(1, :count)"
        ),
    }
)
"""On PostgreSQL so many ids that nobody else is given; on SQLite, where one transaction writes, the last one given."""


class GatheredInsert:
    """Adds rows to a table with a column ``id`` that counts up.

    Args:
        table: its ids are never given again: on SQLite it is made with AUTOINCREMENT; in no schema of its own.
        columns: names of all other columns that are given.

    Raises:
        ValueError: another kind of table.
    """

    def __init__(self, table: sa.Table, *columns: str) -> None:
        if table.schema or not table.dialect_options["sqlite"]["autoincrement"]:
            raise ValueError(
                f"Rows of {table.fullname} cannot be gathered: it has a schema, or no sqlite_autoincrement"
            )
        self.name = table.name
        self.all = BulkInsert(table, "id", *columns)
        self._one = Prepared(table.insert().returning(table.c.id), *columns)

    def add(self, connection: sa.Connection, values: Values) -> int:
        """Add a row and give its id; in a transaction that gathers it is written later, with others.

        Raises:
            sqlalchemy.exc.IntegrityError: it cannot be added; in a transaction that gathers that comes later.
        """
        gathering: GatheredRows | None = connection.info.get(_KEY)
        if gathering is not None:
            return gathering.add(self, values)
        ((row_id,),) = self._one.rows(connection, values)
        return int(row_id)


class GatheredRows:
    """What one transaction has kept back.

    Args:
        connection: in a transaction that may write.
        expected: how many rows there may be of one kind; so many ids are taken at once.
        on_add: called for each row.
    """

    def __init__(self, connection: sa.Connection, expected: int, on_add: Callable[[], None]) -> None:
        self._connection = connection
        self._expected = expected
        self._on_add = on_add
        self._rows: dict[GatheredInsert, list[Values]] = {}
        self._ids: dict[str, Iterator[int]] = {}
        self._refused: Exception | None = None
        self._info = connection.info
        self._info[_KEY] = self

    def add(self, insert: GatheredInsert, values: Values) -> int:
        """Keep a row back and give its id."""
        row_id = self._next_id(insert.name)
        self._on_add()
        self._rows.setdefault(insert, []).append({"id": row_id, **values})
        return row_id

    def flush(self) -> None:
        """Add what is kept back.

        Raises:
            sqlalchemy.exc.StatementError: a row was refused, now or at an earlier time: the transaction cannot be kept,
                whatever has become of that error in between.
        """
        if self._refused is not None:
            raise self._refused
        if not self._rows:
            return
        kept, self._rows = self._rows, {}
        if self._connection.dialect.name == "sqlite":
            self._ids.clear()  # the next statement may itself take the ids that follow
        try:
            for insert, rows in kept.items():
                insert.all.run(self._connection, rows)
        except Exception as error:
            self._refused = error
            raise

    def end(self) -> None:
        """Gather no more; what is still kept back is dropped with its transaction."""
        self._info.pop(_KEY, None)

    def _next_id(self, table: str) -> int:
        ids = self._ids.get(table)
        row_id = None if ids is None else next(ids, None)
        if row_id is None:
            ids = self._ids[table] = self._take_ids(table)
            row_id = next(ids)
        return row_id

    def _take_ids(self, table: str) -> Iterator[int]:
        taken = [row[0] for row in _IDS.rows(self._connection, {"name": table, "count": self._expected})]
        return count(taken[0] + 1) if self._connection.dialect.name == "sqlite" else iter(taken)
