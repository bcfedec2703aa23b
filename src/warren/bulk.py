"""Adding many rows with one statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from warren.prepared import Prepared, Values

_POSTGRESQL: Final[sa.Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own way to get one


class BulkInsert:
    """Adds rows to a table: on PostgreSQL by one statement with an array for each column, on SQLite by one call.

    A statement for each row costs PostgreSQL and its driver several times what the row itself does, most of all on the
    way between the two.

    Args:
        table: without columns that hold arrays.
        columns: names of the columns that are given.
    """

    def __init__(self, table: sa.Table, *columns: str) -> None:
        self._columns = columns
        self._each = Prepared(table.insert(), *columns)
        arrays = [sa.bindparam(name, type_=_Array(table.c[name].type)) for name in columns]
        self._all = Prepared(sa.text(_from_arrays(table, columns)).bindparams(*arrays))

    def run(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        """Add rows, in their order.

        Raises:
            sqlalchemy.exc.StatementError: one of them cannot be; on SQLite those before it are added then.
        """
        if connection.dialect.name == "postgresql":
            self._all.run(connection, {name: [row[name] for row in rows] for name in self._columns})
        else:
            self._each.run_many(connection, rows)


class _Array(sa.types.UserDefinedType[Any]):
    """An array of a column's values, each converted as the column converts it."""

    def __init__(self, element: sa.types.TypeEngine[Any]) -> None:
        self.element = element

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
        """Give the function that converts a list."""
        convert: Callable[[Any], Any] | None = self.element.dialect_impl(dialect).bind_processor(dialect)
        return None if convert is None else lambda values: list(map(convert, values))


def _from_arrays(table: sa.Table, columns: Sequence[str]) -> str:
    arrays = ", ".join(f"CAST(:{name} AS {_array_type(table.c[name])})" for name in columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 -- names of our tables


def _array_type(column: sa.Column[Any]) -> str:
    """Name the array's type; a text's has no length, because a cast would cut it off without a word."""
    kind: sa.types.TypeEngine[Any] = sa.Text() if isinstance(column.type, sa.String) else column.type
    return f"{kind.compile(_POSTGRESQL)}[]"
