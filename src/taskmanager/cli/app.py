"""The command ``taskmanager`` with all its subcommands."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from taskmanager.cli.commands import Commands
from taskmanager.cli.endings import EXPECTED, end_with

app = typer.Typer(
    name="taskmanager",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command; expected errors become one line and an exit code."""
    try:
        app(prog_name="taskmanager")
    except EXPECTED as error:
        end_with(error)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"taskmanager {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return installed_version("leveret")
    except PackageNotFoundError:
        return "of a source folder, not installed"


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The Task Manager API over RabbitMQ.

    Settings come from the environment, TASKMANAGER_...; begin with `taskmanager demo`.
    """
