"""The command ``worker``: runs requests, in one process or in several."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Annotated

import typer

from leveret.application import Application
from leveret.broker.addresses import shown_address
from leveret.cli.command_line import CommandLine
from leveret.cli.context import command_line, load_settings
from leveret.cli.option_values import read_option
from leveret.errors import WorkerDeaf
from leveret.observe import logs
from leveret.process.exit_codes import NO_ANSWER, WRONG_USE
from leveret.process.garbage import live_long
from leveret.process.interrupts import interruptible
from leveret.process.processes import LIMIT, supervise
from leveret.process.running import run
from leveret.settings import Settings, values
from leveret.settings.values import shown_database
from leveret.sql.availability import when_available
from leveret.sql.sqlite_file import others_may_read
from leveret.wire.words import counted
from leveret.worker import end_process_within


def worker(
    context: typer.Context,
    *,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            "--workers",
            "-w",
            metavar="N",
            parser=read_option("--processes", values.number(1, 64)),
            help="Worker processes, up to 64. Default: PREFIX_PROCESSES, or 1.",
        ),
    ] = None,
    prefetch: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=read_option("--prefetch", values.number(1, 2000)),
            help="Requests that one process holds at a time, up to 2000. Default: PREFIX_PREFETCH, or 200.",
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
    SQLite file and upgrades its tables by itself; a PostgreSQL database is upgraded only with --migrate or by the
    command `db upgrade`.
    """
    called = command_line(context)
    app = called.application
    settings = load_settings(context, processes=processes, prefetch=prefetch)
    several = settings.processes > 1
    logs.configure("workers" if several else "worker", level=settings.log_level, form=settings.log_format)
    if not supervised:
        _prepare(app, settings, migrate=migrate)
        _log_start(app, settings)
    if several:
        code = run(
            lambda stop: supervise(_child(called, settings), settings.processes, stop, final=(WRONG_USE, NO_ANSWER))
        )
        raise typer.Exit(code)
    live_long()
    run(lambda stop: _work(app, settings, stop), stop_with_input=supervised)


def _prepare(app: Application, settings: Settings, *, migrate: bool) -> None:
    """Prepare the database; wait for PostgreSQL if it does not answer yet. An SQLite file is not waited for."""
    if settings.sqlite_file or not app.uses_database(settings):
        return app.prepare_database(settings)
    try:
        with interruptible():
            when_available(lambda: app.prepare_database(settings, migrate=migrate))
    except KeyboardInterrupt:
        _logger(app).info("stopped")
        raise typer.Exit from None


def _log_start(app: Application, settings: Settings) -> None:
    database = f"database {shown_database(settings.database_url)}" if app.uses_database(settings) else "no database"
    queue, broker = app.topology(settings).requests, shown_address(settings.amqp_url)
    number = counted(settings.processes, "process", "processes")
    logger = _logger(app)
    logger.info("worker for %s at %s, %s, %s", queue, broker, database, number)
    for path in (settings.sqlite_file, settings.secret_file):
        if path is not None and others_may_read(path):
            logger.warning("every user of this machine may read %s: chmod 600 %s", path.name, path)


def _child(called: CommandLine, settings: Settings) -> list[str]:
    """Return the command of one worker process."""
    options = ["--processes", "1", "--prefetch", str(settings.prefetch), "--supervised"]
    return called.again("worker", *options)


async def _work(app: Application, settings: Settings, stop: asyncio.Event) -> None:
    """Run a worker until it is told to stop; an opening of its resources that still lasts then is given up."""
    opened = asyncio.Event()
    serving, stopping = asyncio.create_task(_serve(app, settings, opened, stop)), asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not opened.is_set():
        serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        if opened.is_set():
            raise
    _logger(app).info("stopped")


async def _serve(app: Application, settings: Settings, opened: asyncio.Event, stop: asyncio.Event) -> None:
    async with app.worker(settings, f"{app.name} worker {os.getpid()}") as worker:
        opened.set()
        running, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        worker.stop()
        if not running.done():
            _logger(app).info("stopping: what is in hand is finished first")
        try:
            await running
        except WorkerDeaf:
            end_process_within(LIMIT)
            raise


def _logger(app: Application) -> logging.Logger:
    return logging.getLogger(app.name)
