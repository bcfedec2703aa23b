"""Runs a program until a signal, or the end of its input, asks it to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final, TypeVar

from leveret.process.exit_codes import DEAF
from leveret.process.interrupts import stop_signals

T = TypeVar("T")

Main = Callable[[asyncio.Event], Coroutine[Any, Any, T]]
"""A program: it gets an event, and ends by itself soon after the event is set."""

ORPHAN_LIMIT: Final = timedelta(seconds=20)
"""How long a program may run after the end of its input; its parent is gone, so nothing else would end it."""


def run(main: Main[T], *, stop_with_input: bool = False) -> T:
    """Run ``main(stop)`` in a new event loop, in the main thread, and return its result.

    ``stop`` is set by SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal was closed; not where it is ignored, as under
    ``nohup``). On Windows, where processes cannot send these signals, Ctrl-C and Ctrl-Break set it.

    Args:
        main: the program.
        stop_with_input: also set ``stop`` at the end of the standard input. So a parent that holds the other end of the
            pipe stops its child on every system when it closes the pipe or dies, even by `kill -9`.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(main, stop_with_input=stop_with_input))


async def _run(main: Main[T], *, stop_with_input: bool) -> T:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    _on_signals(loop, stop)
    if stop_with_input:
        threading.Thread(target=_watch_input, args=(loop, stop), name="input", daemon=True).start()
    return await main(stop)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        return None
    return uvloop.new_event_loop


def _on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    for number in stop_signals():
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Wait for the end of the input, then stop the program, and end the process if it does not stop in time."""
    while _read_input():
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:  # the loop is closed, because the program is ending
        return
    threading.Event().wait(ORPHAN_LIMIT.total_seconds())
    os._exit(DEAF)


def _read_input() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:  # there is no input, so no parent holds the other end
        return b""
