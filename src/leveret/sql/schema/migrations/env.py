"""Alembic's entry point: runs migrations on the caller's connection and in its transaction."""

from __future__ import annotations

from alembic import context

from leveret.sql.schema.framework import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite supports it, because our engine begins the transactions itself
)
context.run_migrations()
