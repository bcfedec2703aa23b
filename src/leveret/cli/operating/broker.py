"""The command ``broker``: runs a private RabbitMQ node in the foreground."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from leveret.cli.command_line import CommandLine
from leveret.cli.context import command_line
from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.help_texts import PREFIX
from leveret.devbroker import BrokerFailed, DevBroker, LastingBroker
from leveret.process.interrupts import interruptible, undisturbed


def broker(
    context: typer.Context,
    *,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Keep the node's data and addresses here. Default: keep nothing."),
    ] = None,
) -> None:
    """Run a private RabbitMQ node with its management page, until Ctrl-C, SIGTERM or the end of its terminal.

    Without --folder nothing is kept. With the same folder, the node starts again with its data and its addresses.
    """
    node = LastingBroker(_made(folder), management=True) if folder else DevBroker(management=True)
    try:
        with interruptible():
            typer.echo("A private RabbitMQ node starts ...")
            node.start()
            _print_addresses(node, _prefix(command_line(context)))
            raise BrokerFailed(f"the node ended by itself with exit code {node.wait()}; its log was {node.log_path}")
    except KeyboardInterrupt:
        typer.echo("The node is stopped.")
    finally:
        with undisturbed():
            node.stop()


def _prefix(called: CommandLine) -> str:
    """Return what the names of the application's settings begin with, or a word in its place."""
    try:
        return called.application.prefix
    except WrongUse:  # there is none, or it cannot be imported; the node does not need it
        return PREFIX


def _made(folder: Path) -> Path:
    """Make the folder of a node if it does not exist."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse(
            f"--folder: {folder} cannot be made: {error.strerror}. Name a folder in which you may write"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WrongUse(f"--folder: you may not write in {folder}. Name another folder")
    return folder


def _print_addresses(node: DevBroker, prefix: str) -> None:
    typer.echo(f"broker           {node.url}")
    typer.echo(f"management page  {node.management_url}  user guest, password guest")
    typer.echo(f"to use it        {prefix}AMQP_URL={node.url}")
    typer.echo("Ctrl-C ends it.")
