"""Alembic's entry point for the application's tables."""

from __future__ import annotations

from leveret.sql.schema import run_env
from taskmanager.storage.tables import metadata

run_env(metadata)
