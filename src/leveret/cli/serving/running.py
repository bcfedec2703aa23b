"""Runs a worker of an application in this process: prepare the database, serve, stop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence

import typer

from leveret.application import Application
from leveret.cli.version import version_of
from leveret.errors import WorkerDeaf
from leveret.observe import Observer
from leveret.observe.counters import Counters
from leveret.observe.monitor import monitored
from leveret.observe.reports import ProcessReport
from leveret.observe.status import StatusReporter, publishing_status
from leveret.process.interrupts import interruptible
from leveret.process.processes import LIMIT
from leveret.settings import Settings
from leveret.sql.availability import when_available
from leveret.worker import Worker, end_process_within


def prepare_database(app: Application, settings: Settings, *, migrate: bool) -> None:
    """Prepare the database; wait for PostgreSQL if it does not answer yet. An SQLite file is not waited for."""
    if settings.sqlite_file or not app.uses_database(settings):
        return app.prepare_database(settings)
    try:
        with interruptible():
            when_available(lambda: app.prepare_database(settings, migrate=migrate))
    except KeyboardInterrupt:
        logging.getLogger(app.name).info("stopped")
        raise typer.Exit from None


async def serve(
    app: Application,
    settings: Settings,
    stop: asyncio.Event,
    *,
    observers: Sequence[Observer] = (),
    on_consuming: Callable[[], None] | None = None,
    tell: Callable[[ProcessReport], None] | None = None,
    logger: logging.Logger | None = None,
) -> None:
    """Work until ``stop`` is set, and then finish what is in hand; give up opening resources if that still lasts.

    Args:
        app: the application.
        settings: its settings; the database is prepared already.
        stop: set when the worker has to stop.
        observers: told of each point of a request's life.
        on_consuming: called when the worker takes requests for the first time.
        tell: called with a report of the worker every second; without it, nothing is counted.
        logger: told when it stops; by default that of the application.

    Raises:
        WorkerStopped: the worker cannot go on and says why.
        WorkerDeaf: it received nothing any more, or finished nothing; the process ends soon, whatever still runs.
    """
    opened = asyncio.Event()
    logger = logger or logging.getLogger(app.name)
    part = _serve(app, settings, opened, stop, observers=observers, on_consuming=on_consuming, tell=tell, logger=logger)
    serving, stopping = asyncio.create_task(part), asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not opened.is_set():
        serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        if opened.is_set():
            raise
    logger.info("stopped")


async def _serve(
    app: Application,
    settings: Settings,
    opened: asyncio.Event,
    stop: asyncio.Event,
    *,
    observers: Sequence[Observer],
    on_consuming: Callable[[], None] | None,
    tell: Callable[[ProcessReport], None] | None,
    logger: logging.Logger,
) -> None:
    app.complete()
    counts = tell is not None or settings.status_reports
    names = [f"{action.version}.{action.name}" for action in app]
    counters = Counters(names, names_held=settings.status_reports) if counts else None
    told: Sequence[Observer] = [*observers, counters] if counters else observers
    name = f"{app.name} worker {os.getpid()}"
    async with (
        app.worker(settings, name, observers=told) as worker,
        monitored(worker, counters, tell),
        publishing_status(_reporter(app, worker, counters, name) if settings.status_reports else None) as say_end,
    ):
        opened.set()
        running, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
        telling = asyncio.create_task(_tell(worker.consuming, on_consuming)) if on_consuming else stopping
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        telling.cancel()
        await say_end()
        worker.stop()
        if not running.done():
            logger.info("stopping: what is in hand is finished first")
        try:
            await running
        except WorkerDeaf:
            end_process_within(LIMIT)
            raise


def _reporter(app: Application, worker: Worker, counters: Counters | None, name: str) -> StatusReporter | None:
    if counters is None:
        return None
    version = version_of("leveret")
    return StatusReporter(worker, counters, name=name, version=app.version or "", leveret=version)


async def _tell(consuming: asyncio.Event, on_consuming: Callable[[], None]) -> None:
    await consuming.wait()
    on_consuming()
