"""Which constraint a refused row broke.

An integrity error has several possible reasons: an unknown or a taken key, a check, a missing value. Code that catches
one to answer the caller asks here which reason it was; an error that does not name a constraint is none of these.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

import sqlalchemy as sa

_FOREIGN_KEY: Final = "23503"
_UNIQUE: Final = "23505"
"""PostgreSQL: foreign key violation, unique violation (Appendix A)."""

_CONSTRAINTS: Final = "23"
"""PostgreSQL: the class of all integrity constraint violations."""

_SQLITE_COLUMN: Final = re.compile(r"(?:UNIQUE|NOT NULL) constraint failed: (\w+)\.")
"""SQLite does not name the table when a row breaks a check or a foreign key."""

_SQLITE_UNIQUE: Final = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)


def table_of_refused_row(error: sa.exc.DBAPIError) -> str | None:
    """Return the table one of whose constraints a row broke; None when the error is another one or does not say."""
    if isinstance(error.orig, sqlite3.Error):
        found = _SQLITE_COLUMN.match(str(error.orig))
        return found[1] if found else None
    state = getattr(error.orig, "sqlstate", None) or ""
    return _table(error.orig) if state.startswith(_CONSTRAINTS) else None


def breaks_foreign_key(error: sa.exc.IntegrityError, name: str) -> bool:
    """Return whether a row refers to another row that does not exist.

    Args:
        error: what the database raised.
        name: of the foreign key; SQLite does not say which one it was, so there any foreign key counts.
    """
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return _is(error.orig, _FOREIGN_KEY) and _constraint(error.orig) == name


def breaks_primary_key(error: sa.exc.IntegrityError, table: sa.Table) -> bool:
    """Return whether a row's primary key is taken, or on SQLite another unique key of the same columns."""
    if isinstance(error.orig, sqlite3.Error):
        named = ", ".join(f"{table.name}.{column.name}" for column in table.primary_key)
        return error.orig.sqlite_errorcode in _SQLITE_UNIQUE and str(error.orig).endswith(f": {named}")
    return _is(error.orig, _UNIQUE) and _table(error.orig) == table.name


def _is(origin: object, state: str) -> bool:
    return getattr(origin, "sqlstate", None) == state


def _constraint(origin: Any) -> str | None:
    name: str | None = origin.diag.constraint_name
    return name


def _table(origin: Any) -> str | None:
    name: str | None = origin.diag.table_name
    return name
