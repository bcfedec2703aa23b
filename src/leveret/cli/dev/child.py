"""The worker that ``dev`` starts, and starts again when a file has changed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
import typer

from leveret.cli.context import command_line, load_settings
from leveret.cli.dev.lines import RequestLines
from leveret.cli.dev.output import configure, logger
from leveret.cli.dev.paint import Paint
from leveret.cli.dev.tracebacks import Traces
from leveret.cli.ending.endings import BrokenModule
from leveret.cli.finding.private_broker import FOLDER, names_broker
from leveret.cli.serving.running import prepare_database, serve
from leveret.errors import WorkerStopped
from leveret.process.exit_codes import WRONG_USE
from leveret.process.running import run
from leveret.settings import Settings

_HERE: Final = ("", "localhost", "127.0.0.1", "::1")
"""Hosts that are this machine; an empty one is a socket or a file."""

_quiet: Final = logging.getLogger("leveret.worker")
"""For what is shown only with the level ``debug``."""

_BEGIN_ANEW: Final = (
    f"The broker is dev's own: to begin anew, stop dev and remove {FOLDER}; "
    "its queues, and what waits in them, are lost."
)


def work(context: typer.Context, log_level: str | None, *, migrate: bool) -> None:
    """Run one worker that shows each request, until the end of its input."""
    called, paint = command_line(context), Paint.of_output()
    places = called.places()
    put = configure(log_level or "info", paint, places)
    try:
        app = called.application
    except BrokenModule as error:  # the parent waits for a change
        logger.error("%s", error)
        raise typer.Exit(WRONG_USE) from None
    settings = load_settings(context, log_level=log_level)
    if log_level is None:
        put = configure(settings.log_level, paint, places)
    if "status_reports" not in settings.given:
        settings = replace(settings, status_reports=True)  # dev shows the console, which shows what workers report
    prepare_database(app, settings, migrate=migrate or is_here(settings))
    lines = RequestLines(put, paint, Traces(places, paint))

    async def main(stop: asyncio.Event) -> None:
        ready = f"ready: {app.topology(settings).requests}"
        await serve(app, settings, stop, observers=[lines], on_consuming=lambda: logger.info(ready), logger=_quiet)

    try:
        run(main, stop_with_input=True)
    except WorkerStopped as error:
        if names_broker(settings):
            raise
        raise WorkerStopped(f"{error} {_BEGIN_ANEW}") from error.__cause__


def is_here(settings: Settings) -> bool:
    """Return whether the database belongs to this machine, so that ``dev`` may change its tables unasked."""
    url = sa.make_url(settings.database_url)
    named = url.query.get("host", ())
    hosts = [url.host or "", *(named.split(",") if isinstance(named, str) else named)]
    return all(host in _HERE or host.startswith(("/", "@")) for host in hosts)
