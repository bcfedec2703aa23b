"""Statements that are compiled once and executed on the driver's own cursor; for those that every request needs.

At each execution SQLAlchemy looks the statement up, compiles its values and wraps its result, which costs several times
what SQLite itself needs for one row. Here the text, the order of the values and their conversions are worked out once
for each kind of database. Errors are SQLAlchemy's. Of SQLAlchemy's events, listeners of the engine get
``before_cursor_execute`` and ``after_cursor_execute``, but no others, such as ``handle_error``; listeners of one
connection get none. What counts the statements of one connection is put into its ``info`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NoReturn, Protocol, TypeAlias

import sqlalchemy as sa
from msgspec import Struct

Values: TypeAlias = Mapping[str, Any]
Statement: TypeAlias = sa.Select[Any] | sa.UpdateBase | sa.TextClause
Convert: TypeAlias = Callable[[Any], Any]

COUNTER: Final = "leveret counter"
"""Key in ``Connection.info`` for a ``Counter``."""


class Counter(Protocol):
    """Hears of each statement of one connection."""

    def before(self) -> None:
        """A statement is about to be executed; an error that is raised here prevents it."""
        ...

    def after(self, text: str) -> None:
        """A statement has been executed and has not failed."""
        ...


class Prepared:
    """One statement.

    Args:
        statement: a select, insert, update or delete with named parameters; an ``IN`` with a varying number of values
            cannot be prepared. A mapping holds one statement for each kind of database, by the dialect's name.
        given: for an insert or update without values: the columns whose values are given.
    """

    def __init__(self, statement: Statement | Mapping[str, Statement], *given: str) -> None:
        self.statement = statement
        self._given = given or None
        self._forms: dict[str, Form] = {}

    def rows(self, connection: sa.Connection, values: Values) -> list[tuple[Any, ...]]:
        """Execute it and return all rows.

        Raises:
            sqlalchemy.exc.StatementError: as ``Connection.execute`` does.
        """
        form = self._form(connection)
        cursor = _execute(connection, form, form.given(values))
        try:
            found = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as error:  # SQLite finds some errors only while rows are read
            _fail(connection, cursor, form, None, error)
        cursor.close()
        return form.results(found)

    def one_or_none(self, connection: sa.Connection, values: Values) -> tuple[Any, ...] | None:
        """Execute it and return its only row, or None.

        Raises:
            sqlalchemy.exc.StatementError: as ``Connection.execute`` does.
        """
        rows = self.rows(connection, values)
        return rows[0] if rows else None

    def run(self, connection: sa.Connection, values: Values) -> int:
        """Execute it and return how many rows it affected.

        Raises:
            sqlalchemy.exc.StatementError: as ``Connection.execute`` does.
        """
        return run_form(connection, self._form(connection), values)

    def _form(self, connection: sa.Connection) -> Form:
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            statement = self.statement[dialect.name] if isinstance(self.statement, Mapping) else self.statement
            form = self._forms[dialect.name] = _compile(statement, self._given, dialect)
        return form


class Form(Struct, frozen=True):
    """A statement for one kind of database.

    Attributes:
        text: as the driver takes it.
        arguments: turns the values, usually by name, into what the driver takes.
        results: converts rows.
    """

    text: str
    arguments: Callable[[Any], Any]
    results: Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]]

    def given(self, values: Any) -> Any:
        """Return what the driver takes.

        Raises:
            sqlalchemy.exc.StatementError: a value is missing or cannot be converted.
        """
        try:
            return self.arguments(values)
        except Exception as error:
            raise sa.exc.StatementError(str(error), self.text, None, error, hide_parameters=True) from error


def run_form(connection: sa.Connection, form: Form, values: Any) -> int:
    """Execute a statement and return how many rows it affected.

    Raises:
        sqlalchemy.exc.StatementError: as ``Connection.execute`` does.
    """
    cursor = _execute(connection, form, form.given(values))
    count = int(cursor.rowcount)
    cursor.close()
    return count


def say(connection: sa.Connection, text: str, **options: bool) -> None:
    """Execute a command such as ``BEGIN``: without values, results, or SQLAlchemy's events.

    Args:
        connection: open.
        text: the command.
        options: of the driver's ``execute``.

    Raises:
        sqlalchemy.exc.DBAPIError: as ``Connection.execute`` does.
    """
    cursor: Any = _raw(connection).cursor()
    try:
        cursor.execute(text, **options)
    except connection.dialect.loaded_dbapi.Error as error:
        _fail(connection, cursor, Form(text, tuple, list), None, error)
    cursor.close()


def converter(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert | None:
    """Return what turns a value of this type into what the driver takes; None where the value itself is taken."""
    convert: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _compile(statement: Statement, given: Sequence[str] | None, dialect: sa.Dialect) -> Form:
    compiled = statement.compile(dialect=dialect, column_keys=given)
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    converts = {name: converter(bind.type, dialect) for name, bind in compiled.binds.items()}
    returned = () if isinstance(statement, sa.TextClause) else statement.exported_columns
    outs = [_out(column.type, dialect) for column in returned]
    names = compiled.positiontup if compiled.positional else None
    arguments = _by_position(names, converts, fixed) if names is not None else _by_name(converts, fixed)
    return Form(str(compiled), arguments, _converting(outs))


def _by_position(
    names: Sequence[str], converts: Mapping[str, Convert | None], fixed: Values
) -> Callable[[Values], tuple[Any, ...]]:
    plain = not any(converts[name] for name in names) and not fixed and len(names) > 1
    if plain:
        return itemgetter(*names)
    plan = [(name, converts[name]) for name in names]
    if fixed:

        def with_fixed(values: Values) -> tuple[Any, ...]:
            all_values = {**fixed, **values}
            return tuple([convert(all_values[name]) if convert else all_values[name] for name, convert in plan])

        return with_fixed
    return lambda values: tuple([convert(values[name]) if convert else values[name] for name, convert in plan])


def _by_name(converts: Mapping[str, Convert | None], fixed: Values) -> Callable[[Values], dict[str, Any]]:
    plan = [(name, convert) for name, convert in converts.items() if convert]

    def arguments(values: Values) -> dict[str, Any]:
        named = {**fixed, **values}
        for name, convert in plan:
            named[name] = convert(named[name])
        return named

    return arguments


def _converting(
    outs: Sequence[Convert | None],
) -> Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]]:
    plan = [(index, convert) for index, convert in enumerate(outs) if convert]
    if not plan:
        return lambda rows: rows

    def results(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        converted = []
        for row in rows:
            cells = list(row)
            for index, convert in plan:
                cells[index] = convert(cells[index])
            converted.append(tuple(cells))
        return converted

    return results


def _out(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert | None:
    convert: Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return convert


def _raw(connection: sa.Connection) -> Any:
    """Return the pool's connection, and not by ``connection.connection``: that would count as an action's own use."""
    return connection._dbapi_connection or connection.connection


class _Context:
    """An object on which listeners of SQLAlchemy's events may set attributes."""

    executemany = False


def _execute(connection: sa.Connection, form: Form, given: Any) -> Any:
    """Execute on a new cursor; tell the engine's listeners and the counter, and raise SQLAlchemy's errors."""
    if not connection.in_transaction():
        connection.begin()  # as Connection.execute does by itself
    raw: Any = _raw(connection)
    events: Any = connection.engine.dispatch
    counter: Counter | None = raw.info.get(COUNTER)
    context, text = _Context(), form.text
    if counter is not None:
        counter.before()
    cursor: Any = raw.dbapi_connection.cursor()
    if events.before_cursor_execute:
        for tell in events.before_cursor_execute:
            tell(connection, cursor, text, given, context, context.executemany)
    try:
        cursor.execute(text, given)
    except connection.dialect.loaded_dbapi.Error as error:
        _fail(connection, cursor, form, given, error)
    if counter is not None:
        counter.after(text)
    if events.after_cursor_execute:
        for tell in events.after_cursor_execute:
            tell(connection, cursor, text, given, context, context.executemany)
    return cursor


def _fail(connection: sa.Connection, cursor: Any, form: Form, given: Any, error: Any) -> NoReturn:
    """Raise what ``Connection.execute`` would raise; a broken connection is not used any more."""
    dialect = connection.dialect
    broken = dialect.is_disconnect(error, _raw(connection).dbapi_connection, cursor)
    translated = sa.exc.DBAPIError.instance(
        form.text,
        given,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=connection.engine.hide_parameters,
        connection_invalidated=broken,
        dialect=dialect,
    )
    if broken:
        connection.invalidate(error)
    else:
        cursor.close()
    raise translated from error
