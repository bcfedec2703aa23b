"""The command ``worker``: runs requests, in one process or in several."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from leveret.application import Application
from leveret.broker.addresses import shown_address
from leveret.cli.command_line import CommandLine
from leveret.cli.context import command_line, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.serving.log_level import LogLevel
from leveret.cli.serving.metrics import pages, serve_one, serve_several
from leveret.cli.serving.reload import run_reloading
from leveret.cli.serving.running import prepare_database
from leveret.cli.terminal.option_values import read_option
from leveret.observe import logs
from leveret.process.exit_codes import NO_ANSWER, WRONG_USE
from leveret.process.garbage import live_long
from leveret.process.greeting import read_line
from leveret.process.running import run
from leveret.settings import Settings, values
from leveret.settings.values import shown_database
from leveret.sql.sqlite_file import others_may_read
from leveret.wire.words import counted


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
    reload: Annotated[
        bool,
        typer.Option("--reload", help="Start again when a Python file of the application changes; one process runs."),
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            parser=read_option("--metrics-port", values.number(0, 65535)),
            help="Serve metrics and health on this port; 0 for a free one. Default: PREFIX_METRICS_PORT, or none.",
        ),
    ] = None,
    metrics_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            parser=read_option("--metrics-address", values.ip_address),
            help="Where they are served. Default: PREFIX_METRICS_ADDRESS, or 127.0.0.1.",
        ),
    ] = None,
    log_level: LogLevel = None,
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervised", hidden=True, help="The parent has prepared the database, and closes the input to stop."
        ),
    ] = False,
    reporting: Annotated[
        bool, typer.Option("--reports", hidden=True, help="The parent says in the input where to report.")
    ] = False,
    reloaded: Annotated[
        bool, typer.Option("--reloaded", hidden=True, help="The parent closes the input to stop.")
    ] = False,
) -> None:
    """Take requests from the queue and carry them out, until SIGTERM, Ctrl-C or SIGHUP (the terminal is closed).

    A worker that is stopped finishes the requests that it holds, loses nothing, and ends with exit code 0. It makes an
    SQLite file and upgrades its tables by itself; a PostgreSQL database is upgraded only with --migrate or by the
    command `db upgrade`.
    """
    called = command_line(context)
    if reload:
        if processes not in (None, 1):
            raise WrongUse("--reload: one process is started again, so leave --processes out")
        given = {
            "--processes": 1,
            "--prefetch": prefetch,
            "--metrics-port": metrics_port,
            "--metrics-address": metrics_address,
            "--log-level": log_level,
        }
        run_reloading(called, given, ["--migrate"] if migrate else [], log_level or "info")
        return
    app = called.application
    settings = load_settings(
        context,
        processes=processes,
        prefetch=prefetch,
        metrics_port=metrics_port,
        metrics_address=metrics_address,
        log_level=log_level,
    )
    several = settings.processes > 1
    logs.configure("workers" if several else "worker", level=settings.log_level, form=settings.log_format)
    invitation = read_line() if reporting else ""
    with pages(app, settings, wanted=not supervised) as reports:
        if not supervised:
            prepare_database(app, settings, migrate=migrate)
            _log_start(app, settings)
        if several:
            command, final = _child(called, settings), (WRONG_USE, NO_ANSWER)
            raise typer.Exit(run(lambda stop: serve_several(command, settings, stop, reports=reports, final=final)))
        live_long()
        run(
            lambda stop: serve_one(app, settings, stop, reports=reports, invitation=invitation),
            stop_with_input=supervised or reloaded,
        )


def _log_start(app: Application, settings: Settings) -> None:
    database = f"database {shown_database(settings.database_url)}" if app.uses_database(settings) else "no database"
    queue, broker = app.topology(settings).requests, shown_address(settings.amqp_url)
    number = counted(settings.processes, "process", "processes")
    logger = logging.getLogger(app.name)
    logger.info("worker for %s at %s, %s, %s", queue, broker, database, number)
    for path in (settings.sqlite_file, settings.secret_file):
        if path is not None and others_may_read(path):
            logger.warning("every user of this machine may read %s: chmod 600 %s", path.name, path)


def _child(called: CommandLine, settings: Settings) -> list[str]:
    """Return the command of one worker process."""
    options = ["--processes", "1", "--prefetch", str(settings.prefetch), "--log-level", settings.log_level]
    return called.again("worker", *options, "--supervised")
