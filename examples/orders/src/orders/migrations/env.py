"""Alembic's entry point."""

from leveret.sql.schema import run_env
from orders.tables import metadata

run_env(metadata)
