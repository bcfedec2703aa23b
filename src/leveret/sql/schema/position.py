"""Where a database stands: which revision its tables have, or why this version cannot use it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine.reflection import ObjectKind

from leveret.errors import SettingsError
from leveret.sql.schema import application, framework
from leveret.sql.schema.application import Names, Schema, not_ours
from leveret.sql.schema.folder import Revisions, read_folder

_NUMBER: Final = "version_num"
"""The column of Alembic's version tables."""


class Position(Struct, frozen=True):
    """Where a database stands.

    Attributes:
        framework: revision of the framework's tables; None where there are none.
        stamped: whether the database says that revision itself; otherwise its tables show it.
        application: revision of the application's tables; None where no migration ever ran, or there are none to run.
        newest: the revision that the application needs.
        missing: the application's tables that are to be created.
    """

    framework: str | None
    stamped: bool
    application: str | None
    newest: str | None
    missing: tuple[sa.Table, ...]

    @property
    def usable(self) -> bool:
        """Whether this version's workers can use the database."""
        return self.framework == framework.NEWEST and self.application == self.newest and not self.missing

    @property
    def complete(self) -> bool:
        """Whether there is nothing to do at all."""
        return self.usable and self.stamped


def nowhere(schema: Schema) -> Position:
    """Return the position of a database that does not exist."""
    head = read_folder(schema.migrations).head if schema.migrations else None
    return Position(None, False, None, head, () if schema.migrations else tuple(schema.own_tables))  # noqa: FBT003 - a record


def look(connection: sa.Connection, schema: Schema, names: Names) -> Position:
    """Find out where a database stands, after checking that this version can use it.

    Raises:
        SettingsError: it cannot, or the application's folder of migrations cannot be used; nothing was changed.
        sqlalchemy.exc.SQLAlchemyError: the database does not answer, or refuses to be read.
    """
    _check_encoding(connection, names)
    found = columns_of(connection, [*framework.OURS, application.VERSION_TABLE])
    revision, stamped = _framework(connection, found, names)
    if schema.migrations is None:
        return Position(revision, stamped, None, None, _missing(connection, schema, names))
    revisions = read_folder(schema.migrations)
    reached = _revision(connection, application.VERSION_TABLE, found, names)
    if reached is not None:
        _check_application(connection, schema, names, revisions, reached)
    return Position(revision, stamped, reached, revisions.head, ())


def columns_of(connection: sa.Connection, names: Collection[str], schema: str | None = None) -> dict[str, set[str]]:
    """Return the columns of the tables, or views, that exist."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # about types that SQLAlchemy does not know: names are enough
        found = sa.inspect(connection).get_multi_columns(schema=schema, filter_names=list(names), kind=ObjectKind.ANY)
    return {name: {column["name"] for column in columns} for (_, name), columns in found.items() if columns}


def _framework(connection: sa.Connection, found: framework.Shape, names: Names) -> tuple[str | None, bool]:
    """Return the revision of the framework's tables, and whether the database says it itself."""
    table = framework.VERSION_TABLE
    revision = _revision(connection, table, found, names)
    if revision is None:
        revision, fact = framework.shown(found)
        if fact:
            raise not_ours(names, fact)
        return revision, False
    if revision not in framework.SHAPES:
        known = ", ".join(framework.SHAPES)
        raise not_ours(names, f"its table {table} is at revision {revision!r}, and this version knows {known}")
    if missing := [name for name in framework.SHAPES[revision] if name not in found]:
        raise not_ours(names, f"its table {table} is at revision {revision!r}, and there is no table {missing[0]}")
    return revision, True


def _revision(connection: sa.Connection, table: str, found: framework.Shape, names: Names) -> str | None:
    """Return what a version table says; None where it is missing or empty."""
    if table not in found:
        return None
    if _NUMBER not in found[table]:
        raise not_ours(names, f"its table {table} has no column {_NUMBER}")
    column: sa.ColumnClause[str] = sa.column(_NUMBER, sa.String)
    revisions = connection.execute(sa.select(column).select_from(sa.table(table))).scalars().all()
    if len(revisions) > 1:
        raise not_ours(names, f"its table {table} has {len(revisions)} rows instead of one")
    return str(revisions[0]) if revisions else None


def _check_application(
    connection: sa.Connection, schema: Schema, names: Names, revisions: Revisions, reached: str
) -> None:
    """Check that a revision is one of the application's, because other programs may have revisions of that name too."""
    if reached not in revisions.known:
        raise not_ours(names, f"it is at revision {reached!r}, and this version knows {revisions}")
    tables = schema.own_tables
    missing = _absent(connection, tables)
    if missing and len(missing) == len(tables):
        raise not_ours(names, f"it is at revision {reached!r} and has no table {missing[0].fullname}")
    if missing and reached == revisions.head:
        at = f"{names.setting}: this database is at revision {reached!r}, which is the newest"
        why = "it belongs to another program, or that table needs a migration"
        raise SettingsError([f"{at}, and has no table {missing[0].fullname}: {why}. Nothing was changed"])


def _missing(connection: sa.Connection, schema: Schema, names: Names) -> tuple[sa.Table, ...]:
    """Return the application's tables that are to be created, after checking those that exist."""
    missing = []
    for place, tables in _by_schema(schema.own_tables):
        found = columns_of(connection, [table.name for table in tables], place)
        for table in tables:
            if table.name not in found:
                missing.append(table)
            elif absent := [column.name for column in table.columns if column.name not in found[table.name]]:
                fact = f"{names.setting}: the table {table.fullname} of this database has no column {absent[0]}"
                rule = "tables= makes missing tables and never changes one: add the column, or go on with migrations"
                raise SettingsError([f"{fact}. {rule}. Nothing was changed"])
    return tuple(missing)


def _absent(connection: sa.Connection, tables: Iterable[sa.Table]) -> list[sa.Table]:
    inspector = sa.inspect(connection)
    return [table for table in tables if not inspector.has_table(table.name, schema=table.schema)]


def _by_schema(tables: Iterable[sa.Table]) -> Iterable[tuple[str | None, list[sa.Table]]]:
    grouped: dict[str | None, list[sa.Table]] = {}
    for table in tables:
        grouped.setdefault(table.schema, []).append(table)
    return grouped.items()


def _check_encoding(connection: sa.Connection, names: Names) -> None:
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        fact = f"{names.setting}: the encoding of this database is {encoding}, and UTF8 is needed"
        raise SettingsError(
            [f"{fact}: make another database with CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8'"]
        )
