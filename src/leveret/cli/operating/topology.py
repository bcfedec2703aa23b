"""The command ``topology``: shows and declares the exchange, the queues and the binding at the broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from leveret.broker.addresses import shown_address
from leveret.broker.queues import apply_topology, report_queues
from leveret.cli.context import application, load_settings
from leveret.cli.operating.broker_users import users
from leveret.cli.terminal.screen import print_table
from leveret.topology import Queue, Topology
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
    print_table("Queues (all durable)", ("name", "purpose", "arguments"), _rows(topology.queues))
    binding = (topology.exchange, topology.requests, topology.requests)
    print_table("Binding", ("from exchange", "routing key", "to queue"), [binding])
    if topology.streams:
        print_table("Copies of letters", ("from exchange (fanout)", "to"), _copied(topology))
        print_table("Streams (all durable)", ("name", "purpose", "arguments"), _rows(topology.streams))


@app.command()
def apply(context: typer.Context) -> None:
    """Declare exchange, queues and binding at the broker; what exists is not changed.

    Exit code 3: a queue or exchange of the same name exists with other arguments, or there is no broker.
    """
    settings = load_settings(context, needs_secret=False)
    topology = application(context).topology(settings)
    declared = asyncio.run(apply_topology(settings.amqp_url, topology))
    typer.echo(f"At {shown_address(settings.amqp_url)} there are now:")
    typer.echo(f"  exchange {topology.exchange}")
    if topology.streams:
        typer.echo(f"  exchange {topology.letters_exchange}")
    for queue in asyncio.run(report_queues(settings.amqp_url, topology)):
        holds = f"{counted(queue.messages or 0, 'message')}, {counted(queue.consumers or 0, 'consumer')}"
        typer.echo(f"  queue {queue.name}: {queue.purpose}; {holds}")
    for stream in topology.streams:
        if stream.name in declared.streams:
            typer.echo(f"  stream {stream.name}: {stream.purpose}")
    for trouble in declared.troubles:
        typer.echo(f"Streams: {trouble}", err=True)


def _lines(arguments: Mapping[str, str | int]) -> str:
    return "\n".join(f"{name}: {value!r}" for name, value in arguments.items())


def _rows(queues: Iterable[Queue]) -> list[tuple[str, str, str]]:
    return [(queue.name, queue.purpose, _lines(queue.arguments)) for queue in queues]


def _copied(topology: Topology) -> list[tuple[str, str]]:
    return [(topology.letters_exchange, to) for to in (topology.dead_letters, topology.letters_stream)]


def _document(topology: Topology) -> dict[str, object]:
    document: dict[str, object] = {
        "exchanges": [_exchange(topology.exchange, "direct")],
        "queues": _listed(topology.queues),
        "bindings": [_binding(topology.exchange, topology.requests, topology.requests)],
    }
    if topology.streams:
        document["copies"] = {
            "exchanges": [_exchange(topology.letters_exchange, "fanout")],
            "streams": _listed(topology.streams),
            "bindings": [_binding(exchange, topology.dead_letters, to) for exchange, to in _copied(topology)],
        }
    return document


def _exchange(name: str, kind: str) -> dict[str, object]:
    return {"name": name, "type": kind, "durable": True}


def _listed(queues: Iterable[Queue]) -> list[dict[str, object]]:
    return [
        {"name": queue.name, "purpose": queue.purpose, "durable": True, "arguments": dict(queue.arguments)}
        for queue in queues
    ]


def _binding(exchange: str, key: str, queue: str) -> dict[str, object]:
    return {"exchange": exchange, "routing_key": key, "queue": queue}
