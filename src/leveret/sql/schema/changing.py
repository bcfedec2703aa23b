"""The steps that bring a database from where it stands to this version's tables, all in the caller's transaction."""

from __future__ import annotations

from collections import Counter
from typing import Final

import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql.schema import application, framework
from leveret.sql.schema.application import Names, Schema
from leveret.sql.schema.position import Position, look
from leveret.sql.tables import leveret_application

_REFERENCES: Final = sa.text('SELECT "table", parent FROM pragma_foreign_key_check')
"""One row for each row of SQLite that refers to a row which is not there."""


def bring_up(connection: sa.Connection, schema: Schema, names: Names, position: Position) -> None:
    """Do what is missing: the framework's part first, then the application's.

    Raises:
        SettingsError: the application's migrations cannot be run, or do not lead to the tables that it uses; the caller
            rolls back.
        sqlalchemy.exc.SQLAlchemyError: the database refused a statement.
    """
    if position.framework is not None and not position.stamped:
        stamp(connection, framework.VERSION_TABLE, position.framework)
    if position.framework != framework.NEWEST:
        run_framework(connection)
    if not position.named:
        write_name(connection, names.application)
    if schema.tables is not None and position.missing:
        schema.tables.create_all(connection, tables=list(position.missing))
    if position.application != position.newest:
        before = _dangling(connection)
        run_application(connection, schema)
        _check_references(connection, names, before)
    if not look(connection, schema, names).complete:
        raise SettingsError([f"{schema.migrations}: env.py did not run all migrations. Nothing was changed"])


def run_framework(connection: sa.Connection) -> None:
    """Run the framework's own revisions that are missing."""
    from leveret.sql.schema.scripts import run_scripts  # noqa: PLC0415 - Alembic is slow to import, and seldom needed

    make_version_table(connection, framework.VERSION_TABLE)
    run_scripts(framework.FOLDER, connection, framework.VERSION_TABLE)


def run_application(connection: sa.Connection, schema: Schema) -> None:
    """Run the application's revisions that are missing."""
    from leveret.sql.schema.scripts import run_scripts  # noqa: PLC0415 - Alembic is slow to import, and seldom needed

    if schema.migrations is not None:
        make_version_table(connection, application.VERSION_TABLE)
        run_scripts(schema.migrations, connection, application.VERSION_TABLE, schema.tables)


def make_version_table(connection: sa.Connection, name: str) -> sa.Table:
    """Make a version table as Alembic makes it, unless it is there."""
    column = sa.Column("version_num", sa.String(32), nullable=False)
    table = sa.Table(name, sa.MetaData(), column, sa.PrimaryKeyConstraint(column, name=f"{name}_pkc"))
    table.create(connection, checkfirst=True)
    return table


def stamp(connection: sa.Connection, name: str, revision: str) -> None:
    """Write into an empty version table at which revision the tables are."""
    table = make_version_table(connection, name)
    connection.execute(table.insert().values(version_num=revision))


def write_name(connection: sa.Connection, name: str) -> None:
    """Write down to which application the database belongs."""
    connection.execute(leveret_application.insert().values(name=name))


def _dangling(connection: sa.Connection) -> Counter[tuple[str, str]]:
    """Count the rows of SQLite that refer to nothing, by their table and the one that they refer to."""
    if connection.dialect.name != "sqlite":
        return Counter()
    return Counter((table, parent) for table, parent in connection.execute(_REFERENCES))


def _check_references(connection: sa.Connection, names: Names, before: Counter[tuple[str, str]]) -> None:
    """Check that no further row of SQLite refers to nothing, because that is not checked while migrations run.

    Raises:
        SettingsError: one does.
    """
    for table, parent in _dangling(connection) - before:
        fact = f"after the migrations, rows of {table} refer to rows that are not in {parent}"
        raise SettingsError([f"{names.setting}: {fact}. Nothing was changed"])
