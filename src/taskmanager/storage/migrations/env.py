"""Alembic's entry: run migrations on the connection, and in the transaction, that the caller holds open."""

from __future__ import annotations

from alembic import context

from leveret.sql import metadata as leveret_metadata
from taskmanager.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, leveret_metadata],
    transactional_ddl=True,  # SQLite can, and our engine begins its transactions so that it does
)
context.run_migrations()
