"""``taskmanager db``: upgrades the database's tables, and shows their revision."""

from __future__ import annotations

import typer

from leveret.sql import schema
from taskmanager.cli.environment import load_settings
from taskmanager.storage.schema import NAMES, SCHEMA

app = typer.Typer(no_args_is_help=True, help="The database's tables.")


@app.command()
def upgrade() -> None:
    """Bring the database to this version's tables; safe while workers run, and when two processes do it at once."""
    changed = schema.upgrade(load_settings().database_url, SCHEMA, NAMES)
    typer.echo(f"The database is {'now' if changed else 'already'} at revision {schema.newest(SCHEMA)}.")


@app.command()
def current() -> None:
    """Print the revision of the database's tables, and whether this version needs a newer one."""
    typer.echo(schema.describe(load_settings().database_url, SCHEMA, NAMES))
