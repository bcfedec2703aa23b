"""The pages of the command ``worker`` for machines, and what its processes report for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from leveret.application import Application
from leveret.cli.ending.endings import WrongUse
from leveret.cli.serving.running import serve
from leveret.observe.reports import Reports
from leveret.process.processes import supervise
from leveret.settings import Settings


@contextmanager
def pages(app: Application, settings: Settings, *, wanted: bool) -> Iterator[Reports | None]:
    """Serve metrics and health while the block runs, if the settings name a port.

    Args:
        app: the application.
        settings: its settings.
        wanted: false in a child process, whose parent serves the pages.

    Yields:
        What the pages are made from; None where there are none.

    Raises:
        WrongUse: the port or the address cannot be used.
        SettingsError: prometheus-client is not installed.
    """
    port, host = settings.metrics_port, settings.metrics_address
    if port is None or not wanted:
        yield None
        return
    from leveret.observe.page_set import worker_pages  # noqa: PLC0415 - a worker without pages needs none of it
    from leveret.observe.pages import PageServer  # noqa: PLC0415

    reports = Reports(settings.processes)
    answered = worker_pages(reports, app.name, app.version or "", settings.watchdog)
    try:
        server = PageServer(host, port, answered)
    except OSError as error:
        raise WrongUse(f"metrics cannot be served at {host}, port {port}: {error.strerror or error}") from None
    with server:
        logging.getLogger(app.name).info("metrics at http://%s/metrics, health at /health/...", server.address)
        yield reports


async def serve_one(
    app: Application, settings: Settings, stop: asyncio.Event, *, reports: Reports | None, invitation: str
) -> None:
    """Run a worker in this process; it reports to its pages, or to its parent, or to nobody.

    Args:
        app: the application.
        settings: its settings.
        stop: set when it has to stop.
        reports: what the pages of this process are made from.
        invitation: what the parent says about where to report; empty for a process that its parent does not ask.
    """
    if invitation:
        from leveret.observe.reporting import connected  # noqa: PLC0415 - only a child needs it

        async with connected(invitation) as tell:
            await serve(app, settings, stop, tell=tell)
    else:
        await serve(app, settings, stop, tell=partial(reports.put, None) if reports else None)


async def serve_several(
    command: Sequence[str], settings: Settings, stop: asyncio.Event, *, reports: Reports | None, final: Collection[int]
) -> int:
    """Keep worker processes running, see ``supervise``; they report to this one if it has pages.

    Args:
        command: program and arguments of one process, without the option that asks for reports.
        settings: how many processes.
        stop: set when they have to stop.
        reports: where to keep what they report; None if nobody wants to know.
        final: exit codes after which a new start would not help.

    Returns:
        0 after ``stop`` was set, otherwise the final exit code.
    """
    if reports is None:
        return await supervise(command, settings.processes, stop, final=final)
    from leveret.observe.reporting import receiving  # noqa: PLC0415 - only a parent with pages needs it

    async with receiving(reports) as greeting:
        return await supervise([*command, "--reports"], settings.processes, stop, final=final, greeting=greeting)
