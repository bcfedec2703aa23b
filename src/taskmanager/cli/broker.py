"""``taskmanager broker``: runs a private RabbitMQ node in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leveret.devbroker import BrokerFailed, DevBroker, LastingBroker
from leveret.process.interrupts import interruptible, undisturbed


def broker(
    *,
    folder: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Keep the node's data and addresses here. Default: keep nothing."),
    ] = None,
) -> None:
    """Run a private RabbitMQ node with its management page, until Ctrl-C, SIGTERM or the end of its terminal.

    Without --folder nothing is kept. With the same folder, the node starts again with its data and its addresses.
    """
    node = LastingBroker(folder, management=True) if folder else DevBroker(management=True)
    try:
        with interruptible():
            typer.echo("A private RabbitMQ node starts ...")
            node.start()
            _print_addresses(node)
            raise BrokerFailed(f"the node ended by itself with exit code {node.wait()}; its log was {node.log_path}")
    except KeyboardInterrupt:
        typer.echo("The node is stopped.")
    finally:
        with undisturbed():
            node.stop()


def _print_addresses(node: DevBroker) -> None:
    typer.echo(f"broker           {node.url}")
    typer.echo(f"management page  {node.management_url}  user guest, password guest")
    typer.echo(f"to use it        TASKMANAGER_AMQP_URL={node.url}")
    typer.echo("Ctrl-C ends it.")
