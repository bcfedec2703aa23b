"""``taskmanager db``: upgrades the database's tables, and shows their revision."""

from __future__ import annotations

import typer

from taskmanager.cli.environment import load_settings
from taskmanager.storage import migration

app = typer.Typer(no_args_is_help=True, help="The database's tables.")


@app.command()
def upgrade() -> None:
    """Bring the database to this version's tables; safe while workers run, and when two processes do it at once."""
    changed = migration.upgrade(load_settings().database_url)
    typer.echo(f"The database is {'now' if changed else 'already'} at revision {migration.NEWEST}.")


@app.command()
def current() -> None:
    """Print the revision of the database's tables, and whether this version needs a newer one."""
    revision, newest = migration.current(load_settings().database_url), migration.NEWEST
    wanted = (
        "which this version needs" if revision == newest else f"this version needs {newest}: taskmanager db upgrade"
    )
    typer.echo(f"{revision or 'no tables'}, {wanted}")
