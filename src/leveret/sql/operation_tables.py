"""The tables of what operators do: operations with their letters, the audit, the archive, and notes of groups.

Workers never use them. Their names begin with ``leveret_``, so that an application's tables may have the plain names.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from leveret.sql.tables import UtcDateTime, metadata

LONGEST_NAME_OF_PERSON: Final = 200
"""Characters of who did something, and of the name of an incident."""

LONGEST_KEY: Final = 255
"""Characters of a letter's key and of a request's id in these tables."""

leveret_operations: Final = sa.Table(
    "leveret_operations",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("filter_json", sa.Text, nullable=False),
    sa.Column("options_json", sa.Text, nullable=False),
    sa.Column("by_whom", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("incident", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("ended_why", sa.Text, nullable=False),
    sa.Column("owner", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("lease_until", UtcDateTime, nullable=False),
)
"""One row for each operation: what was asked for, how it stands, and who runs it until when."""

leveret_operation_letters: Final = sa.Table(
    "leveret_operation_letters",
    metadata,
    sa.Column("operation", sa.String(32), primary_key=True),
    sa.Column("letter", sa.String(LONGEST_KEY), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("request", sa.String(LONGEST_KEY), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""One row for each letter of an operation: what became of it."""

leveret_audit: Final = sa.Table(
    "leveret_audit",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by_whom", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("what", sa.String(32), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("incident", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("operation", sa.String(32), nullable=False),
    sa.Column("details_json", sa.Text, nullable=False),
)
"""One row for each change; rows are only added. Ids sort by time."""

leveret_groups: Final = sa.Table(
    "leveret_groups",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("by_whom", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""One row for each group of letters of which somebody noted something."""

leveret_archive: Final = sa.Table(
    "leveret_archive",
    metadata,
    sa.Column("letter", sa.String(LONGEST_KEY), primary_key=True),
    sa.Column("request", sa.String(LONGEST_KEY), nullable=False, index=True),
    sa.Column("action", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("whole", sa.Boolean, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("by_whom", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("incident", sa.String(LONGEST_NAME_OF_PERSON), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("properties_json", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""One row for each letter that was discarded: the message as it was, and who discarded it."""

OPERATION_TABLES: Final = (
    leveret_operations,
    leveret_operation_letters,
    leveret_audit,
    leveret_groups,
    leveret_archive,
)
"""All of them."""

SQLITE_GUARDS: Final = tuple(
    f"CREATE TRIGGER leveret_audit_{what.lower()} BEFORE {what} ON leveret_audit "
    "BEGIN SELECT RAISE(ABORT, 'rows of leveret_audit are only added'); END"
    for what in ("UPDATE", "DELETE")
)
"""What makes SQLite refuse to change or remove rows of the audit."""

POSTGRESQL_GUARDS: Final = (
    (
        "CREATE OR REPLACE FUNCTION leveret_audit_guard() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''rows of leveret_audit are only added''; END'"
    ),
    (
        "CREATE TRIGGER leveret_audit_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON leveret_audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION leveret_audit_guard()"
    ),
)
"""What makes PostgreSQL refuse it."""

for _dialect, _guards in (("sqlite", SQLITE_GUARDS), ("postgresql", POSTGRESQL_GUARDS)):
    for _guard in _guards:
        _ddl = sa.DDL(_guard)  # type: ignore[no-untyped-call]  # SQLAlchemy gives its constructor no types
        sa.event.listen(leveret_audit, "after_create", _ddl.execute_if(dialect=_dialect))
