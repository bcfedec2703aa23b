"""Where a database stands: which revision its tables have, or why this version cannot use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import SettingsError
from leveret.sql.schema import application, framework
from leveret.sql.schema.application import Names, Schema, not_ours
from leveret.sql.schema.folder import Revisions, read_folder
from leveret.sql.schema.reading import check_encoding, columns_of, values_of
from leveret.sql.tables import leveret_application

_NUMBER: Final = "version_num"
"""The column of Alembic's version tables."""

_NAME: Final = leveret_application.c.name.name
"""The column of the table that names the application."""


class Position(Struct, frozen=True):
    """Where a database stands.

    Attributes:
        framework: revision of the framework's tables; None where there are none.
        stamped: whether the database says that revision itself; otherwise its tables show it.
        named: whether the database says that it belongs to this application; otherwise it says of none.
        application: revision of the application's tables; None where no migration ever ran, or there are none to run.
        newest: the revision that the application needs.
        missing: the application's tables that are to be created.
    """

    framework: str | None
    stamped: bool
    named: bool
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
        return self.usable and self.stamped and self.named


def nowhere(schema: Schema, names: Names) -> Position:
    """Return the position of a database that does not exist."""
    head = read_folder(schema.migrations, names).head if schema.migrations else None
    missing = () if schema.migrations else tuple(schema.own_tables)
    return Position(framework=None, stamped=False, named=False, application=None, newest=head, missing=missing)


def look(connection: sa.Connection, schema: Schema, names: Names) -> Position:
    """Find out where a database stands, after checking that this version can use it.

    Raises:
        SettingsError: it cannot, or the application's folder of migrations cannot be used; nothing was changed.
        sqlalchemy.exc.SQLAlchemyError: the database does not answer, or refuses to be read.
    """
    check_encoding(connection, names)
    read = {framework.VERSION_TABLE: _NUMBER, framework.APPLICATION: _NAME}
    if schema.migrations is not None:
        read[application.VERSION_TABLE] = _NUMBER
    found = columns_of(connection, [*framework.OURS, application.VERSION_TABLE])
    written = _written(connection, found, read, names)
    revision, stamped = _framework(found, written, names)
    named = _check_owner(written, names)
    if schema.migrations is None:
        missing = _missing(connection, schema, names)
        return Position(revision, stamped, named, application=None, newest=None, missing=missing)
    revisions = read_folder(schema.migrations, names)
    reached = written.get(application.VERSION_TABLE)
    if reached is not None:
        _check_application(connection, schema, names, revisions, reached)
    return Position(revision, stamped, named, reached, revisions.head, ())


def _written(
    connection: sa.Connection, found: framework.Shape, read: Mapping[str, str], names: Names
) -> Mapping[str, str]:
    """Return what stands in the tables of one row, of those that exist and are not empty."""
    there = {table: column for table, column in read.items() if table in found}
    for table, column in there.items():
        if column not in found[table]:
            raise not_ours(names, f"its table {table} has no column {column}")
    written = values_of(connection, there, names)
    for table, values in written.items():
        if len(values) > 1:
            raise not_ours(names, f"its table {table} has {len(values)} rows instead of one")
    return {table: values[0] for table, values in written.items() if values}


def _framework(found: framework.Shape, written: Mapping[str, str], names: Names) -> tuple[str | None, bool]:
    """Return the revision of the framework's tables, and whether the database says it itself."""
    table = framework.VERSION_TABLE
    revision = written.get(table)
    if revision is None:
        revision, fact = framework.shown(found)
        if fact:
            raise not_ours(names, fact)
        return revision, False
    at = f"its table {table} is at revision {revision!r}"
    if revision not in framework.SHAPES:
        raise not_ours(names, f"{at}, and this version knows {', '.join(framework.SHAPES)}")
    if missing := [name for name in framework.SHAPES[revision] if name not in found]:
        raise not_ours(names, f"{at}, and there is no table {missing[0]}")
    if later := [
        name for name in framework.SHAPES[framework.NEWEST].keys() - framework.SHAPES[revision] if name in found
    ]:
        raise not_ours(names, f"{at}, and there is a table {min(later)}, which is not of that revision")
    return revision, True


def _check_owner(written: Mapping[str, str], names: Names) -> bool:
    """Check that no other application keeps its requests here; return whether the database names this one."""
    owner = written.get(framework.APPLICATION)
    if owner not in (None, names.application):
        fact = (
            f"its table {framework.APPLICATION} names the application {owner!r}, and this one is {names.application!r}"
        )
        raise not_ours(names, fact)
    return owner is not None


def _check_application(
    connection: sa.Connection, schema: Schema, names: Names, revisions: Revisions, reached: str
) -> None:
    """Check that a revision is one of the application's, because other programs may have revisions of that name too."""
    if reached not in revisions.known:
        raise not_ours(names, f"it is at revision {reached!r}, and this version knows {revisions}")
    tables = schema.own_tables
    missing, lacking = _compare(connection, tables)
    if missing and len(missing) == len(tables):
        raise not_ours(names, f"it is at revision {reached!r} and has no table {missing[0].fullname}")
    if missing and reached == revisions.head:
        at = f"{names.setting}: this database is at revision {reached!r}, which is the newest"
        why = "it belongs to another program, or that table needs a migration"
        raise SettingsError([f"{at}, and has no table {missing[0].fullname}: {why}. Nothing was changed"])
    if lacking and reached == revisions.head:
        at = f"{names.setting}: at revision {reached!r}, which is the newest, {lacking[0]}"
        why = f"that table belongs to another program, or that column needs a migration (`{names.revise}`)"
        raise SettingsError([f"{at}: {why}. Nothing was changed"])


def _missing(connection: sa.Connection, schema: Schema, names: Names) -> tuple[sa.Table, ...]:
    """Return the application's tables that are to be created, after checking those that exist."""
    missing, lacking = _compare(connection, schema.own_tables)
    if lacking:
        rule = "tables= makes missing tables and never changes one: add the column, or go on with migrations"
        raise SettingsError([f"{names.setting}: {lacking[0]}. {rule}. Nothing was changed"])
    return tuple(missing)


def _compare(connection: sa.Connection, tables: Iterable[sa.Table]) -> tuple[list[sa.Table], list[str]]:
    """Return the tables that the database does not have, and which columns the others do not have, in words."""
    missing, lacking = [], []
    for place, of_it in _by_schema(tables):
        found = columns_of(connection, [table.name for table in of_it], place)
        for table in of_it:
            if table.name in found:
                there = {column.lower() for column in found[table.name]}  # SQLite ignores case
                absent = [column.name for column in table.columns if str(column.name).lower() not in there]
                lacking += [f"the table {table.fullname} of this database has no column {name}" for name in absent]
            elif not sa.inspect(connection).has_table(table.name, schema=place):
                missing.append(table)
    return missing, lacking


def _by_schema(tables: Iterable[sa.Table]) -> Iterable[tuple[str | None, list[sa.Table]]]:
    grouped: dict[str | None, list[sa.Table]] = {}
    for table in tables:
        grouped.setdefault(table.schema, []).append(table)
    return grouped.items()
