"""Rows of several requests, added together: a batch keeps the rows that it adds back, and writes them in one statement.

Every other statement of the transaction finds these rows, because they are added before it. When the database refuses a
row then, the whole batch fails and its requests run again one by one: there each row is added at once, so that the
right request meets the error.
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
"""On PostgreSQL that many ids, reserved for us; on SQLite, where only one transaction writes, the last id in use."""


class GatheredInsert:
    """Adds rows to a table with a column ``id`` that counts up.

    Args:
        table: without a schema; an id is never used again, so on SQLite it is made with AUTOINCREMENT.
        columns: names of all other columns whose values are given.

    Raises:
        ValueError: the table is of another kind.
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
        """Add a row and return its id; in a transaction that gathers rows it is written later, with others.

        Raises:
            sqlalchemy.exc.IntegrityError: the row cannot be added; where rows are gathered, this is found out later.
        """
        gathering: GatheredRows | None = connection.info.get(_KEY)
        if gathering is not None:
            return gathering.add(self, values)
        ((row_id,),) = self._one.rows(connection, values)
        return int(row_id)


class GatheredRows:
    """The rows that one transaction keeps back.

    Args:
        connection: in a transaction that may write.
        expected: how many rows one table may get; that many ids are reserved at once.
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
        """Keep a row back and return its id."""
        row_id = self._next_id(insert.name)
        self._on_add()
        self._rows.setdefault(insert, []).append({"id": row_id, **values})
        return row_id

    def flush(self) -> None:
        """Add the rows that are kept back.

        Raises:
            sqlalchemy.exc.StatementError: the database refused a row, now or earlier in this transaction, which then
                cannot be committed, even if an action has caught that error.
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
        """Gather no more rows; those that are still kept back are dropped with the transaction."""
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
