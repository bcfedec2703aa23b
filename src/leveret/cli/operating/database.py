"""The command ``db``: upgrades the database's tables, shows their revision, and writes new revisions."""

from __future__ import annotations

from typing import Annotated

import typer

from leveret.cli.context import application, load_settings
from leveret.sql import schema

app = typer.Typer(no_args_is_help=True, help="The database's tables.")


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version's tables; safe while workers run, and when two processes do it at once."""
    made, settings = application(context), load_settings(context, needs_secret=False)
    if not made.uses_database(settings):
        typer.echo("Nothing to do: no action of this application writes, so it needs no database.")
        return
    url = settings.database_url
    changed = schema.upgrade(url, made.schema, made.names)
    typer.echo(f"The database is {'now' if changed else 'already'} at revision {schema.newest(made.schema)}.")


@app.command()
def current(context: typer.Context) -> None:
    """Print the revision of the database's tables, and whether this version needs a newer one."""
    made, settings = application(context), load_settings(context, needs_secret=False)
    if not made.uses_database(settings):
        typer.echo("No action of this application writes, so it needs no database.")
        return
    typer.echo(schema.describe(settings.database_url, made.schema, made.names))


@app.command()
def revision(
    context: typer.Context,
    message: Annotated[str, typer.Argument(help="What it does; it becomes a part of the file's name.")],
    *,
    empty: Annotated[bool, typer.Option("--empty", help="Write one without changes, to fill in by hand.")] = False,
) -> None:
    """Write a revision that leads from the database's tables to those of the application; read it before it runs.

    The application needs `migrations=`, which names the folder, and `tables=`. The folder is made if it does not exist.
    The database has to be at the newest revision; the first one also runs where the tables are there already.
    """
    made, settings = application(context), load_settings(context, needs_secret=False)
    written = schema.revise(settings.database_url, made.schema, message, made.names, empty=empty)
    if written is None:
        typer.echo("Nothing was written, because nothing has changed. --empty writes one without changes.")
    else:
        typer.echo(f"Written: {written}. Read it, correct it, then run `{made.names.upgrade}`.")
