"""Makes everything in an empty database at once, for tests."""

from __future__ import annotations

import sqlalchemy as sa

from leveret.sql.schema import framework
from leveret.sql.schema.application import Schema
from leveret.sql.schema.changing import run_application, stamp, write_name
from leveret.sql.schema.folder import read_folder
from leveret.sql.tables import metadata


def make_all(connection: sa.Connection, schema: Schema, application: str) -> None:
    """Make this version's tables in an empty database, in the transaction of the connection.

    The result is that of ``upgrade``. The framework's tables and the application's ``tables`` are made without Alembic,
    which takes a few milliseconds; only an application's own migrations need it.

    Args:
        connection: of SQLite, also in memory, or PostgreSQL. The caller commits.
        schema: what the application has.
        application: its name, which is written into the database.

    Raises:
        SettingsError: the application's migrations cannot be run.
        sqlalchemy.exc.SQLAlchemyError: there is such a table already, or the database refused a statement.
    """
    metadata.create_all(connection, tables=list(framework.TABLES), checkfirst=False)
    stamp(connection, framework.VERSION_TABLE, framework.NEWEST)
    write_name(connection, application)
    if schema.migrations is not None:
        if read_folder(schema.migrations).head is not None:
            run_application(connection, schema)
    elif schema.tables is not None:
        schema.tables.create_all(connection, tables=schema.own_tables, checkfirst=False)
