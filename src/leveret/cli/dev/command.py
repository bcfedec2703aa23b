"""The command ``dev``."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from leveret.cli.context import command_line, load_settings
from leveret.cli.dev import child
from leveret.cli.dev.banner import table, what_to_do, where_it_is
from leveret.cli.dev.broker import BrokerChoice, open_broker
from leveret.cli.dev.importing import import_when_sound
from leveret.cli.dev.output import configure, logger
from leveret.cli.dev.paint import Paint
from leveret.cli.operating.console import missing_libraries
from leveret.cli.serving.log_level import LogLevel
from leveret.process.exit_codes import NO_ANSWER, WRONG_USE
from leveret.process.interrupts import interruptible
from leveret.process.processes import LIMIT, ending, stop_process
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
    console: Annotated[bool, typer.Option(" /--no-console", help="Do not start the console.")] = True,
    part: Annotated[str, typer.Option("--child", hidden=True, help="What dev starts: worker or console.")] = "",
) -> None:
    """Run the application while you write it: a private broker, a console, and a worker that follows changes of files.

    The broker is the one that PREFIX_AMQP_URL names, or a private RabbitMQ that keeps its queues and addresses in the
    folder .leveret; the other commands find it there. The console needs `pip install 'leveret[console]'`. Each request
    is shown as one line. Ctrl-C ends all of it.
    """
    if part == "worker":
        child.work(context, log_level, migrate=migrate)
        return
    if part == "console":
        from leveret.cli.dev.own_console import show_console  # noqa: PLC0415 - it needs the extra

        show_console(context)
        return
    called, paint = command_line(context), Paint.of_output()
    configure(log_level or "info", paint, called.places())
    watch = FileWatch(partial(look_at, called.places()))
    app = import_when_sound(called, watch)
    if app is None:
        return
    settings = load_settings(context, log_level=log_level)
    typer.echo(f"{paint(app.name, 'strong')} in development; Ctrl-C ends it")
    options = [*(["--log-level", log_level] if log_level else []), *(["--migrate"] if migrate else [])]
    command = called.again("dev", "--child", "worker", *options)
    beside = called.again("dev", "--child", "console") if console and not missing_libraries() else []
    try:
        with interruptible(), open_broker(settings, paint) as broker:
            rows = [*where_it_is(app, settings, broker), *what_to_do(called, app, watch.count)]
            if console and not beside:
                rows.append(("console", "is not installed: pip install 'leveret[console]'"))
            typer.echo(table(rows, paint))
            sys.stdout.flush()
            run(partial(_run, Reloader(command, watch.change, final=(WRONG_USE, NO_ANSWER)), broker, beside))
    except KeyboardInterrupt:
        pass
    typer.echo("Everything is stopped.")


async def _run(reloader: Reloader, broker: BrokerChoice, console: Sequence[str], stop: asyncio.Event) -> None:
    """Run worker and console until ``stop`` is set, or the broker has ended.

    Raises:
        BrokerFailed: the private broker has ended by itself.
    """
    showing = asyncio.create_task(_keep_console(console, stop))
    working, broken = asyncio.create_task(reloader.run(stop)), asyncio.create_task(broker.ends())
    await asyncio.wait({working, broken}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.gather(working, showing)
    if broken.done():
        broken.result()
    broken.cancel()


async def _keep_console(command: Sequence[str], stop: asyncio.Event) -> None:
    """Run the console until ``stop`` is set; if it ends by itself, everything else goes on."""
    if not command:
        return
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE)
    ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        await stop_process(process, ended, LIMIT)
    else:
        logger.warning("the console %s; start dev again to have it", ending(ended.result()))
    await ended
