"""The command ``version``: prints the versions of the framework, of Python and of the application."""

from __future__ import annotations

import sys

import typer

from leveret.cli.context import command_line


def version(context: typer.Context) -> None:
    """Print the versions of leveret, of Python, and of the application if there is one."""
    typer.echo(f"leveret {version_of('leveret')}")
    typer.echo(f"Python {sys.version.split()[0]}")
    called = command_line(context)
    if called.is_known:
        made = called.application
        typer.echo(f"{made.name} {made.version or '(it has no version)'}")


def version_of(distribution: str) -> str:
    """Return the version of a distribution that is installed."""
    from importlib import metadata  # noqa: PLC0415 - a worker does not need it

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "of a source folder, not installed"
