"""What stands in a database, for tests that say that it is the same as before, or as another one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from leveret.sql import create_engine


def execute(url: str, *statements: str) -> None:
    """Execute statements in one transaction, as a program of somebody else: an SQLite file keeps its journal."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def tables(url: str) -> set[str]:
    """Return the names of all tables."""
    engine = create_engine(url)
    with engine.connect() as connection:
        names = set(sa.inspect(connection).get_table_names())
    engine.dispose()
    return names


def rows(url: str, table: str) -> list[tuple[Any, ...]]:
    """Return all rows of a table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1"))]
    engine.dispose()
    return found


def contents(url: str) -> Mapping[str, Any]:
    """Return every table with every row, or every byte of a file."""
    if url.startswith("sqlite:///"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return {name: rows(url, name) for name in tables(url)}


def structure(connection: sa.Connection) -> Mapping[str, Any]:
    """Return all tables with their columns, keys, indexes and checks; on SQLite, the statements that made them."""
    if connection.dialect.name == "sqlite":
        made = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
        return {name: " ".join(sql.split()) for name, sql in made if sql}
    inspector = sa.inspect(connection)
    return {
        name: {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(name)
            ),
            "key": inspector.get_pk_constraint(name),
            "references": inspector.get_foreign_keys(name),
            "unique": inspector.get_unique_constraints(name),
            "indexes": sorted(map(str, inspector.get_indexes(name))),
            "checks": sorted(map(str, inspector.get_check_constraints(name))),
        }
        for name in inspector.get_table_names()
    }
