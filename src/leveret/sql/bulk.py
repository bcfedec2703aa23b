"""Adding many rows with few statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from leveret.sql.array_literals import array_writer
from leveret.sql.prepared import Form, Prepared, Values, converter, run_form

_SQLITE: Final[sa.Dialect] = sqlite.dialect()

NOTHING: Final[Mapping[str, Mapping[str, str]]] = {}

_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)
"""Rows in one statement on SQLite: few different texts, so that each stays prepared."""


class BulkInsert:
    """Adds rows to a table with few statements: on PostgreSQL with one that takes an array for each column.

    With PostgreSQL a statement for each row costs several times as much as the row itself, most of it between the
    driver and the server. SQLite's driver releases Python's global lock at each statement, and the thread that takes
    it then keeps it for longer than a row needs.

    Args:
        table: without columns of arrays.
        columns: names of the columns whose values are given.
        made: SQL for the columns whose values the database makes, by name and kind of database.
    """

    def __init__(self, table: sa.Table, *columns: str, made: Mapping[str, Mapping[str, str]] = NOTHING) -> None:
        self._table = table
        self._columns = columns
        self._made = made
        self._all: Prepared | None = None
        self._some = {size: _of_size(size, table, columns, made) for size in _SIZES}

    def run(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        """Add rows, in their order.

        Raises:
            sqlalchemy.exc.StatementError: a row cannot be added; on SQLite some of the rows before it may be.
        """
        if connection.dialect.name == "postgresql":
            self._of_arrays(connection.dialect).run(
                connection, {name: [row[name] for row in rows] for name in self._columns}
            )
            return
        done = 0
        for size in _SIZES:
            while len(rows) - done >= size:
                run_form(connection, self._some[size], rows[done : done + size])
                done += size

    def _of_arrays(self, dialect: sa.Dialect) -> Prepared:
        """Return PostgreSQL's statement, which a process on SQLite never makes; two threads may make it at once."""
        if self._all is None:
            arrays = [sa.bindparam(name, type_=_Array(self._table.c[name].type)) for name in self._columns]
            text = _from_arrays(self._table, self._columns, self._made, dialect)
            self._all = Prepared(sa.text(text).bindparams(*arrays))
        return self._all


def _of_size(size: int, table: sa.Table, columns: Sequence[str], made: Mapping[str, Mapping[str, str]]) -> Form:
    """Return SQLite's statement for that many rows."""
    preparer = _SQLITE.identifier_preparer
    names = ", ".join(map(preparer.quote, [*columns, *made]))
    marks = f"({', '.join(['?'] * len(columns) + [made[name]['sqlite'] for name in made])})"
    text = f"INSERT INTO {preparer.format_table(table)} ({names}) VALUES {', '.join([marks] * size)}"  # noqa: S608 -- names of a table
    plan = [(name, converter(table.c[name].type, _SQLITE)) for name in columns]

    def arguments(rows: Sequence[Values]) -> tuple[Any, ...]:
        return tuple([convert(row[name]) if convert else row[name] for row in rows for name, convert in plan])

    return Form(text, arguments, list)


class _Array(sa.types.UserDefinedType[Any]):
    """An array of a column's values, each converted as the column converts it, and written as a text if we know how."""

    def __init__(self, element: sa.types.TypeEngine[Any]) -> None:
        self.element = element

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
        """Return the function that converts a list; None where nothing has to be converted."""
        convert, write = converter(self.element, dialect), array_writer(self.element, dialect)
        if convert is None:
            return write
        if write is None:
            return lambda values: list(map(convert, values))
        return lambda values: write(list(map(convert, values)))


def _from_arrays(
    table: sa.Table, columns: Sequence[str], made: Mapping[str, Mapping[str, str]], dialect: sa.Dialect
) -> str:
    preparer = dialect.identifier_preparer
    names = ", ".join(map(preparer.quote, [*columns, *made]))
    values = ", ".join(["given.*", *(made[name]["postgresql"] for name in made)])
    arrays = ", ".join(f"CAST(:{name} AS {_array_type(table.c[name], dialect)})" for name in columns)
    return f"INSERT INTO {preparer.format_table(table)} ({names}) SELECT {values} FROM unnest({arrays}) AS given"  # noqa: S608 -- names of a table


def _array_type(column: sa.Column[Any], dialect: sa.Dialect) -> str:
    """Return the type of the array; for texts without a length, because a cast would cut them off silently."""
    kind: sa.types.TypeEngine[Any] = sa.Text() if isinstance(column.type, sa.String) else column.type
    return f"{kind.compile(dialect)}[]"
