"""Runs migrations with Alembic; imported only when there is a migration to run."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def run_migrations(connection: sa.Connection) -> None:
    """Run the migrations that are missing, in the transaction of the connection."""
    command.upgrade(_config(connection), "head")


def _config(connection: sa.Connection) -> Config:
    """Make Alembic's configuration without a file, so that an installed package can migrate too."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
