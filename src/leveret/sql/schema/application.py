"""What an application has in the database, and what its users call the things that texts name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql.schema.framework import OURS, is_one

VERSION_TABLE: Final = "alembic_version"
"""Table in which Alembic keeps the revision of an application's tables."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What an application has in the database beside the framework's tables: nothing, tables, or migrations.

    Attributes:
        tables: the application's tables. Without ``migrations``, those that are missing are created, and an existing
            table is never changed. With ``migrations``, they are what a new revision is compared with, and by what the
            application's own database is known.
        migrations: absolute path of the application's Alembic folder, in which are ``env.py`` and ``versions/``.

    Raises:
        ValueError: the path is relative; what it means would depend on where the program is started. Or a table has the
            name of one of the framework's.
    """

    tables: sa.MetaData | None = None
    migrations: Path | None = None

    def __post_init__(self) -> None:
        if self.migrations is not None and not self.migrations.is_absolute():
            raise ValueError(
                f"migrations={str(self.migrations)!r} is relative, and would depend on the working folder:"
                f' write Path(__file__).parent / "{self.migrations.name or "migrations"}"'
            )
        if taken := _taken(self.tables):
            raise ValueError(taken)

    @property
    def own_tables(self) -> list[sa.Table]:
        """The application's tables, in the order in which they were declared; never one of the framework's.

        Raises:
            SettingsError: a table that was declared since has the name of one of the framework's.
        """
        if taken := _taken(self.tables):
            raise SettingsError([taken])
        tables = () if self.tables is None else self.tables.tables.values()
        return [table for table in tables if table.schema is not None or table.name not in OURS]


def _taken(tables: sa.MetaData | None) -> str | None:
    """Say which table has the name of one of the framework's, and is another table; SQLite ignores case."""
    for table in () if tables is None else tables.tables.values():
        columns = {column.name for column in table.columns}
        if table.schema is None and table.name.lower() in OURS and not is_one(table.name, columns):
            return f"tables: {table.name} is the name of one of the framework's tables: give yours another name"
    return None


@dataclass(frozen=True, kw_only=True)
class Names:
    """The application's name, and how texts name what belongs to it.

    Attributes:
        application: the application's name, up to 32 characters. A database belongs to the application that upgraded it
            first, and is refused to one of another name.
        setting: the setting that holds the database's URL, such as ``GUESTBOOK_DATABASE_URL``.
        upgrade: the command that upgrades the database, such as ``leveret db upgrade guestbook:app``.
        revise: the command that writes a revision, such as ``leveret db revision guestbook:app``.
    """

    application: str
    setting: str
    upgrade: str
    revise: str


def not_ours(names: Names, fact: str) -> SettingsError:
    """Return the error for a database that this version cannot use."""
    whose = f"{names.setting}: this database belongs to a newer version or to another program"
    return SettingsError([f"{whose}: {fact}. Nothing was changed. Use that version, or another database"])
