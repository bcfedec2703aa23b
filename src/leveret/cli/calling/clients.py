"""The command ``clients``: typed clients, as source text for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leveret.cli.context import application
from leveret.cli.ending.endings import WrongUse
from leveret.contracts.clients import python_client, typescript_client

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
    else:
        _write(output, text)


@app.command()
def typescript(
    context: typer.Context,
    *,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Write the files to this folder, which is made.")],
) -> None:
    """Write a client over HTTP: openapi.json, from which openapi-typescript makes schema.ts, and client.ts."""
    for name, text in typescript_client(application(context)).items():
        _write(output / name, text)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror or error}") from error
    typer.echo(f"Wrote {path}")
