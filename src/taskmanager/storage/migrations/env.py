"""Alembic's entry: run migrations on the connection, and in the transaction, that the caller holds open."""

from __future__ import annotations

from alembic import context

from taskmanager.storage.tables import metadata
from warren.sql import metadata as warren_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, warren_metadata],
    transactional_ddl=True,  # SQLite can, and our engine begins its transactions so that it does
)
context.run_migrations()
