"""Alembic's entry point: runs migrations on the caller's connection and in its transaction."""

from __future__ import annotations

from alembic import context

from leveret.sql import metadata as leveret_metadata
from taskmanager.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, leveret_metadata],
    transactional_ddl=True,  # SQLite supports it, because our engine begins the transactions itself
)
context.run_migrations()
