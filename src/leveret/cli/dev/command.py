"""The command ``dev``."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from leveret.application import Application
from leveret.cli.command_line import CommandLine
from leveret.cli.context import command_line, load_settings
from leveret.cli.dev import child
from leveret.cli.dev.banner import table, what_to_do, where_it_is
from leveret.cli.dev.broker import BrokerChoice, open_broker
from leveret.cli.dev.output import configure, logger
from leveret.cli.dev.paint import Paint
from leveret.cli.ending.endings import BrokenModule
from leveret.cli.serving.log_level import LogLevel
from leveret.process.exit_codes import NO_ANSWER, WRONG_USE
from leveret.process.interrupts import interruptible
from leveret.process.reloading import Reloader
from leveret.process.running import run
from leveret.process.watching import FileWatch, look_at


def dev(
    context: typer.Context,
    *,
    log_level: LogLevel = None,
    migrate: Annotated[
        bool,
        typer.Option("--migrate", help="Bring a PostgreSQL database to this version's tables also on another machine."),
    ] = False,
    worker: Annotated[bool, typer.Option("--child", hidden=True, help="The worker that dev starts.")] = False,
) -> None:
    """Run the application while you write it: a private broker, and a worker that starts again when a file changes.

    The broker is the one that PREFIX_AMQP_URL names, or a private RabbitMQ that keeps its queues and addresses in the
    folder .leveret; the other commands find it there. Each request is shown as one line. Ctrl-C ends all of it.
    """
    if worker:
        child.work(context, log_level, migrate=migrate)
        return
    called, paint = command_line(context), Paint.of_output()
    configure(log_level or "info", paint, called.places())
    watch = FileWatch(partial(look_at, called.places()))
    app = _import(called, watch)
    if app is None:
        return
    settings = load_settings(context, log_level=log_level)
    typer.echo(f"{paint(app.name, 'strong')} in development; Ctrl-C ends it")
    options = [*(["--log-level", log_level] if log_level else []), *(["--migrate"] if migrate else [])]
    command = called.again("dev", "--child", *options)
    try:
        with interruptible(), open_broker(settings, paint) as broker:
            rows = [*where_it_is(app, settings, broker), *what_to_do(called, app, watch.count)]
            typer.echo(table(rows, paint))
            sys.stdout.flush()
            run(partial(_run, Reloader(command, watch.change, final=(WRONG_USE, NO_ANSWER)), broker))
    except KeyboardInterrupt:
        pass
    typer.echo("Everything is stopped.")


def _import(called: CommandLine, watch: FileWatch) -> Application | None:
    """Import the application; if that fails, wait for a change and try again. Return None if that is not wanted."""
    while True:
        try:
            return called.application
        except BrokenModule as error:
            logger.error("%s", error)
            logger.info("waiting for a change")
        if not run(partial(_changes, watch)):
            return None
        forget_modules(called.places())


def forget_modules(places: Sequence[Path]) -> None:
    """Forget the application's modules, so that they are imported again."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        path = Path(file) if file else None
        if path and _is_own(name, path, places):
            del sys.modules[name]
    importlib.invalidate_caches()


def _is_own(name: str, path: Path, places: Sequence[Path]) -> bool:
    inside = any(path.is_relative_to(place) for place in places) and "site-packages" not in path.parts
    return inside and name.partition(".")[0] not in ("__main__", "leveret")


async def _changes(watch: FileWatch, stop: asyncio.Event) -> bool:
    """Wait for a change; return False if the program has to stop."""
    changing, stopping = asyncio.ensure_future(watch.change()), asyncio.create_task(stop.wait())
    await asyncio.wait({changing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (changing, stopping):
        task.cancel()
    await asyncio.gather(changing, stopping, return_exceptions=True)
    return not stop.is_set()


async def _run(reloader: Reloader, broker: BrokerChoice, stop: asyncio.Event) -> None:
    """Run the worker until ``stop`` is set, or the broker has ended.

    Raises:
        BrokerFailed: the private broker has ended by itself.
    """
    working, ending = asyncio.create_task(reloader.run(stop)), asyncio.create_task(broker.ends())
    await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await working
    if ending.done():
        ending.result()
    ending.cancel()
