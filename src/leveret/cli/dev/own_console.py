"""The console that ``dev`` starts beside the worker, for this time only; it needs the extra ``console``."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import typer
from starlette.applications import Starlette

from leveret.cli.command_line import CommandLine
from leveret.cli.context import command_line, load_settings
from leveret.cli.dev.banner import table
from leveret.cli.dev.importing import forget_modules, import_when_sound
from leveret.cli.dev.output import configure
from leveret.cli.dev.paint import Paint
from leveret.cli.ending.endings import WrongUse
from leveret.operate.threads import in_thread
from leveret.process.running import run
from leveret.process.watching import FileWatch, look_at
from leveret.web.console.building import build_console
from leveret.web.console.security.passwords import hash_password
from leveret.web.console.security.store import ConsoleStore
from leveret.web.console.serving import serve_until, with_keyring
from leveret.web.console.site import ServingOptions, Site

NAME: Final = "dev"
"""The account that lives as long as ``dev`` does."""

_ENVIRONMENT: Final = "development"
"""The banner on each page, where the setting says nothing else."""


def show_console(context: typer.Context) -> None:
    """Serve the console at this machine until the end of the input; its first line says where, and how to sign in."""
    called, paint = command_line(context), Paint.of_output()
    configure("critical", paint, called.places())  # the worker tells the same
    watch = FileWatch(partial(look_at, called.places()))
    app = import_when_sound(called, watch, stop_with_input=True)
    if app is None:
        return
    settings = load_settings(context)
    password = secrets.token_urlsafe(12)
    with _store(password) as store:
        site = Site(
            app=app,
            settings=replace(settings, environment=settings.environment or _ENVIRONMENT),
            store=store,
            again=called.again,
            development=True,
        )
        with with_keyring(site) as known:
            run(partial(_serve, known, called, watch, partial(_tell, paint, password)), stop_with_input=True)


@contextlib.contextmanager
def _store(password: str) -> Iterator[ConsoleStore]:
    """Keep one operator, and the sessions of this time, in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="leveret-console-") as folder:
        store = ConsoleStore(f"sqlite:///{(Path(folder) / 'console.db').as_posix()}", time.time)
        try:
            store.prepare()
            store.add_user(NAME, "operator", hash_password(password))
            yield store
        finally:
            store.close()


def _tell(paint: Paint, password: str, url: str) -> None:
    where = f"{url}sign-in#{NAME}:{password}  user {NAME}, password {password}"
    typer.echo(table([("console", where)], paint))
    sys.stdout.flush()


async def _serve(site: Site, called: CommandLine, watch: FileWatch, tell: partial[None], stop: asyncio.Event) -> None:
    console = build_console(site)
    following = asyncio.create_task(_follow(console, site, called, watch))
    try:
        await serve_until(stop, console, ServingOptions(), _listening(), tell)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(console: Starlette, site: Site, called: CommandLine, watch: FileWatch) -> None:
    """Show the actions of today's code; while it cannot be imported, those of before."""
    while True:
        await watch.change()
        with contextlib.suppress(WrongUse):  # the worker says it
            app = await in_thread(called.reimport, partial(forget_modules, called.places()))
            console.state.site = replace(site, app=app)


def _listening(ports: Sequence[int] = (ServingOptions().port, 0)) -> socket.socket:
    """Return a socket at the usual port; at a free one if another program uses that."""
    for port in ports[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_server((ServingOptions().host, port))
    return socket.create_server((ServingOptions().host, ports[-1]))
