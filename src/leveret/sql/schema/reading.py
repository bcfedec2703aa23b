"""Reads from a database which columns its tables have, and the few values that say whose they are."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind

from leveret.errors import SettingsError
from leveret.sql.errors import is_forbidden, reason
from leveret.sql.schema.application import Names


def check_encoding(connection: sa.Connection, names: Names) -> None:
    """Check that PostgreSQL keeps any text.

    Raises:
        SettingsError: it does not.
    """
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        fact = f"{names.setting}: the encoding of this database is {encoding}, and UTF8 is needed"
        raise SettingsError(
            [f"{fact}: make another database with CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8'"]
        )


def columns_of(connection: sa.Connection, names: Collection[str], schema: str | None = None) -> dict[str, set[str]]:
    """Return the columns of the tables, or views, that exist."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # about types that SQLAlchemy does not know: names are enough
        found = sa.inspect(connection).get_multi_columns(schema=schema, filter_names=list(names), kind=ObjectKind.ANY)
    return {name: {column["name"] for column in columns} for (_, name), columns in found.items() if columns}


def values_of(connection: sa.Connection, columns: Mapping[str, str], names: Names) -> dict[str, list[str]]:
    """Return what stands in one column of each table, read by one statement.

    Args:
        connection: the database.
        columns: the column of each table; all of them exist.
        names: for the texts.

    Raises:
        SettingsError: the role may not read one of the tables.
        sqlalchemy.exc.DBAPIError: the database refused for another reason.
    """
    values: dict[str, list[str]] = {table: [] for table in columns}
    wanted = [
        sa.select(sa.literal(table), sa.cast(sa.column(column), sa.String)).select_from(sa.table(table))
        for table, column in columns.items()
    ]
    try:
        found = connection.execute(sa.union_all(*wanted)).all() if wanted else ()
    except sa.exc.DBAPIError as error:
        if not is_forbidden(error):
            raise
        role = connection.engine.url.username or "the workers' role"
        grant = f"as the owner of the tables, GRANT SELECT ON {', '.join(sorted(columns))} TO {role}"
        raise SettingsError([f"{names.setting}: {reason(error)}: {grant}. Nothing was changed"]) from error
    for table, value in found:
        values[table].append(str(value))
    return values
