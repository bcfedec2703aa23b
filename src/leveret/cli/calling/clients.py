"""The command ``clients``: typed clients, as source text for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leveret.cli.context import application
from leveret.cli.ending.endings import WrongUse
from leveret.contracts.clients import python_client

app = typer.Typer(no_args_is_help=True, help="Typed clients, generated from the registered actions.")


@app.callback()
def clients() -> None:
    """Typed clients, generated from the registered actions."""


@app.command()
def python(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the module to this file; its folder is made.")
    ] = None,
) -> None:
    """Print a module of Python with a typed method for each action and version, async and blocking."""
    text = python_client(application(context))
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUse(f"{output} cannot be written: {error.strerror or error}") from error
    typer.echo(f"Wrote {output}")
