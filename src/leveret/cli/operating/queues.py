"""The command ``queues``: shows how many messages wait in each queue and who consumes it, and purges a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer

from leveret.broker.addresses import shown_address
from leveret.broker.queues import QueueReport, purge_queue, report_queues
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.asking import ask_first
from leveret.cli.terminal.screen import print_table
from leveret.settings import Settings
from leveret.topology import Topology
from leveret.wire.words import counted


def queues(
    context: typer.Context,
    *,
    purge: Annotated[
        str | None, typer.Option(metavar="NAME", help="Drop all messages that wait in this queue; asks first.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Print how many messages wait in each queue, and how many workers consume it."""
    settings = load_settings(context, needs_secret=False)
    topology = application(context).topology(settings)
    if purge is not None:
        _purge(settings, topology, purge, yes=yes)
        return
    reports = asyncio.run(report_queues(settings.amqp_url, topology))
    print_table(
        f"Queues at {shown_address(settings.amqp_url)}", ("queue", "messages", "consumers", "purpose"), rows(reports)
    )


def rows(reports: Iterable[QueueReport]) -> list[tuple[object, ...]]:
    """Return the rows of a table of queues; the row of a queue that does not exist says "not there"."""
    return [
        (report.name, "not there", "", report.purpose)
        if report.messages is None
        else (report.name, report.messages, report.consumers, report.purpose)
        for report in reports
    ]


def _purge(settings: Settings, topology: Topology, name: str, *, yes: bool) -> None:
    known = [queue.name for queue in topology.queues]
    if name not in known:
        raise WrongUse(f"--purge: {name!r} is not one of our queues: {', '.join(known)}")
    if not yes:
        ask_first(f"Drop every message that waits in {name}", "Nothing was dropped.")
    count = asyncio.run(purge_queue(settings.amqp_url, name))
    typer.echo(f"{name}: {counted(count, 'message')} dropped")
