"""INSERT that says what happens to a row that is there already; SQLite and PostgreSQL have it in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(table: sa.Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``.

    Args:
        table: the table.
        dialect: ``sqlite`` or ``postgresql``, as ``connection.dialect.name`` has it.
    """
    if dialect == "postgresql":
        # Its import takes a twelfth of the start of a process; here only those pay for it that use it.
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - see above

        return postgresql.insert(table)
    return sqlite.insert(table)
