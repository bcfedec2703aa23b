"""The command ``db``: upgrades the database's tables, and shows their revision."""

from __future__ import annotations

import typer

from leveret.cli.context import application, load_settings
from leveret.sql import schema

app = typer.Typer(no_args_is_help=True, help="The database's tables.")


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version's tables; safe while workers run, and when two processes do it at once."""
    url, made = load_settings(context).database_url, application(context)
    if not made.uses_database(load_settings(context)):
        typer.echo("Nothing to do: no action of this application writes, so it needs no database.")
        return
    changed = schema.upgrade(url, made.schema, made.names)
    typer.echo(f"The database is {'now' if changed else 'already'} at revision {schema.newest(made.schema)}.")


@app.command()
def current(context: typer.Context) -> None:
    """Print the revision of the database's tables, and whether this version needs a newer one."""
    made = application(context)
    typer.echo(schema.describe(load_settings(context).database_url, made.schema, made.names))
