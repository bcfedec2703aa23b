"""``taskmanager worker``: runs requests, in one process or in several."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Annotated, Final

import typer

from leveret.broker.addresses import shown_address
from leveret.errors import WorkerDeaf
from leveret.observe import logs
from leveret.process.exit_codes import NO_ANSWER, WRONG_USE
from leveret.process.garbage import live_long
from leveret.process.interrupts import interruptible
from leveret.process.processes import LIMIT, supervise
from leveret.process.running import run
from leveret.settings.values import shown_database
from leveret.sql.availability import when_available
from leveret.sql.sqlite_file import others_may_read
from leveret.worker import end_process_within
from taskmanager.bootstrap import build_topology, build_worker, prepare_database
from taskmanager.cli.environment import load_settings
from taskmanager.settings import Settings

logger: Final = logging.getLogger("taskmanager")


def worker(
    *,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Worker processes. Default: TASKMANAGER_PROCESSES, or 1.")
    ] = None,
    prefetch: Annotated[
        int | None,
        typer.Option(
            min=1, max=2000, help="Requests that one process holds at a time. Default: TASKMANAGER_PREFETCH, or 200."
        ),
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring a PostgreSQL database to this version's tables first.")
    ] = False,
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervised", hidden=True, help="The parent has prepared the database, and closes the input to stop."
        ),
    ] = False,
) -> None:
    """Take requests from the queue and carry them out, until SIGTERM, Ctrl-C or SIGHUP (the terminal is closed).

    A worker that is stopped finishes the requests that it holds, loses nothing, and ends with exit code 0. It makes an
    SQLite file and upgrades its tables by itself; a PostgreSQL database is upgraded only with --migrate or by
    `taskmanager db upgrade`.
    """
    settings = load_settings(processes=processes, prefetch=prefetch)
    several = settings.processes > 1
    logs.configure("workers" if several else "worker", level=settings.log_level, form=settings.log_format)
    if not supervised:
        _prepare(settings, migrate=migrate)
        _log_start(settings)
    if several:
        code = run(lambda stop: supervise(_child(settings), settings.processes, stop, final=(WRONG_USE, NO_ANSWER)))
        raise typer.Exit(code)
    live_long()
    run(lambda stop: _work(settings, stop), stop_with_input=supervised)


def _prepare(settings: Settings, *, migrate: bool) -> None:
    """Prepare the database; wait for PostgreSQL if it does not answer yet. An SQLite file is not waited for."""
    if settings.sqlite_file:
        return prepare_database(settings)
    try:
        with interruptible():
            when_available(lambda: prepare_database(settings, migrate=migrate))
    except KeyboardInterrupt:
        logger.info("stopped")
        raise typer.Exit from None


def _log_start(settings: Settings) -> None:
    database = shown_database(settings.database_url)
    queue, broker = build_topology(settings).requests, shown_address(settings.amqp_url)
    number = f"{settings.processes} processes" if settings.processes > 1 else "1 process"
    logger.info("worker for %s at %s, database %s, %s", queue, broker, database, number)
    for path in (settings.sqlite_file, settings.secret_file):
        if path is not None and others_may_read(path):
            logger.warning("every user of this machine may read %s: chmod 600 %s", path.name, path)


def _child(settings: Settings) -> list[str]:
    """Return the command of one worker process; -P keeps the working folder out of the import path."""
    options = ["--processes", "1", "--prefetch", str(settings.prefetch), "--supervised"]
    return [sys.executable, "-P", "-m", "taskmanager", "worker", *options]


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    with build_worker(settings, f"taskmanager worker {os.getpid()}") as worker:
        running, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        worker.stop()
        if not running.done():
            logger.info("stopping: what is in hand is finished first")
        try:
            await running
        except WorkerDeaf:
            end_process_within(LIMIT)
            raise
    logger.info("stopped")
