"""Imports the application while somebody writes it: waits until it can be imported, and imports it anew."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from leveret.application import Application
from leveret.cli.command_line import CommandLine
from leveret.cli.dev.output import logger
from leveret.cli.ending.endings import BrokenModule
from leveret.process.running import run
from leveret.process.watching import FileWatch


def import_when_sound(called: CommandLine, watch: FileWatch, *, stop_with_input: bool = False) -> Application | None:
    """Import the application; if that fails, wait for a change and try again. Return None if that is not wanted.

    Args:
        called: how the command was called.
        watch: notices changes.
        stop_with_input: whether the end of the standard input ends the waiting too.
    """
    while True:
        try:
            return called.application
        except BrokenModule as error:
            logger.error("%s", error)
            logger.info("waiting for a change")
        if not run(partial(_changes, watch), stop_with_input=stop_with_input):
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
