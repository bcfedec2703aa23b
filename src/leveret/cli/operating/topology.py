"""The command ``topology``: shows and declares the exchange, the queues and the binding at the broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated

import typer

from leveret.broker.addresses import shown_address
from leveret.broker.queues import apply_topology, report_queues
from leveret.cli.context import application, load_settings
from leveret.cli.operating.broker_users import users
from leveret.cli.terminal.screen import print_table
from leveret.topology import Topology
from leveret.wire.words import counted

app = typer.Typer(no_args_is_help=True, help="Exchanges, queues and users at the broker.")
app.command()(users)


@app.command()
def show(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print the exchange, the queues with their arguments, and the binding, without asking the broker."""
    topology = application(context).topology(load_settings(context, needs_secret=False))
    if as_json:
        typer.echo(json.dumps(_document(topology), indent=2))
        return
    print_table("Exchange", ("name", "type", "durable"), [(topology.exchange, "direct", "yes")])
    rows = [(queue.name, queue.purpose, _lines(queue.arguments)) for queue in topology.queues]
    print_table("Queues (all durable)", ("name", "purpose", "arguments"), rows)
    binding = (topology.exchange, topology.requests, topology.requests)
    print_table("Binding", ("from exchange", "routing key", "to queue"), [binding])


@app.command()
def apply(context: typer.Context) -> None:
    """Declare exchange, queues and binding at the broker; what exists is not changed.

    Exit code 3: a queue or exchange of the same name exists with other arguments, or there is no broker.
    """
    settings = load_settings(context, needs_secret=False)
    topology = application(context).topology(settings)
    asyncio.run(apply_topology(settings.amqp_url, topology))
    typer.echo(f"At {shown_address(settings.amqp_url)} there are now:")
    typer.echo(f"  exchange {topology.exchange}")
    for queue in asyncio.run(report_queues(settings.amqp_url, topology)):
        holds = f"{counted(queue.messages or 0, 'message')}, {counted(queue.consumers or 0, 'consumer')}"
        typer.echo(f"  queue {queue.name}: {queue.purpose}; {holds}")


def _lines(arguments: Mapping[str, str | int]) -> str:
    return "\n".join(f"{name}: {value!r}" for name, value in arguments.items())


def _document(topology: Topology) -> dict[str, object]:
    return {
        "exchanges": [{"name": topology.exchange, "type": "direct", "durable": True}],
        "queues": [
            {"name": queue.name, "purpose": queue.purpose, "durable": True, "arguments": dict(queue.arguments)}
            for queue in topology.queues
        ],
        "bindings": [
            {"exchange": topology.exchange, "routing_key": topology.requests, "queue": topology.requests},
        ],
    }
