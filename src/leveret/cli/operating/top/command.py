"""The command ``top``."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from leveret.application import Application
from leveret.cli.context import application, load_settings
from leveret.cli.operating.top.keys import keyboard
from leveret.cli.operating.top.opened import telling
from leveret.cli.operating.top.state import TopState, press
from leveret.cli.operating.top.view import page
from leveret.cli.terminal.option_values import read_option, seconds
from leveret.cli.terminal.screen import make_console
from leveret.operate.explain import explain
from leveret.operate.overview import Overview
from leveret.operate.overview.watching import watching
from leveret.settings import Settings

_LONGEST: Final = 60.0

_SECOND_LOOK: Final = 3.0
"""Seconds to wait at most for a second look at the queues, where one overview is printed."""

_AGAIN: Final = 0.05
"""Seconds between two overviews until then."""


def top(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print one overview and end, as without a terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one overview as JSON and end.")] = False,
    every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", parser=read_option("--every", seconds(_LONGEST)), help="Time between two looks."
        ),
    ] = 1.0,
) -> None:
    """Show how the system does: what is wrong, queues, rates, workers and what they have in hand; nothing is changed.

    Keys: j and k or the arrows select a request, Enter opens it, s sorts, p pauses, q quits. It works with the broker
    away and with the database away, and says what it cannot see.
    """
    made, settings = application(context), load_settings(context, needs_secret=False)
    if as_json:
        overview = asyncio.run(_one(made, settings))
        typer.echo(msgspec.json.format(msgspec.json.encode(overview), indent=2).decode())
    elif once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _print(page(asyncio.run(_one(made, settings)), TopState()))
    else:
        with _quiet():
            asyncio.run(_show(made, settings, make_console(), every))


async def _one(made: Application[Any], settings: Settings) -> Overview:
    """Look until everything that can be known is; how many requests came is known by two looks at the queues."""
    async with watching(made, settings) as look:
        overview = look()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECOND_LOOK):
                while _lacks_incoming(overview):
                    await asyncio.sleep(_AGAIN)
                    overview = look()
        return overview


def _lacks_incoming(overview: Overview) -> bool:
    """Return whether another look at the queues tells how many requests come; without reports of workers none does."""
    flow, depths = overview.flow, overview.depths
    return flow.incoming is None and flow.finished is not None and depths.waiting is not None


async def _show(made: Application[Any], settings: Settings, console: Console, every: float) -> None:
    """Show overviews, and obey keys, until one of them ends it."""
    asked = partial(explain, made, settings)
    async with watching(made, settings, every=every) as look, keyboard() as keys, telling(asked) as told:
        state, overview = TopState(), look()
        with Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        ) as live:
            while not state.ended:
                lines = page(overview, state, console.width, console.height, told=told(state.opened))
                live.update(_fitting(lines), refresh=True)
                try:
                    async with asyncio.timeout(every):
                        state = press(state, await keys.get(), overview)
                except TimeoutError:
                    pass  # nobody has pressed a key
                if not state.paused:
                    overview = look()


def _fitting(lines: Sequence[Text]) -> Group:
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def _print(lines: Sequence[Text]) -> None:
    console = make_console()
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let no log line stand in the middle of the page; what it would say is on the page."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
