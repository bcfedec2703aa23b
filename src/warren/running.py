"""Running a program until somebody wants it to stop: by signals, or by the end of its input."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

T = TypeVar("T")

Main = Callable[[asyncio.Event], Coroutine[Any, Any, T]]
"""A program: it gets the event that is set when it shall stop, and then ends by itself."""

ORPHAN_LIMIT: Final = timedelta(seconds=20)
"""How long a program may go on after the end of its input; its parent is gone, so nobody else would end it."""

_STUCK: Final = 70
"""Exit code of a program that went on for longer (sysexits, EX_SOFTWARE)."""


def run(main: Main[T], *, stop_with_input: bool = False) -> T:
    """Run ``main(stop)`` in an event loop of its own, in the main thread, and return what it returns.

    ``stop`` is set by SIGTERM and SIGINT (Ctrl-C), on Windows by Ctrl-C and Ctrl-Break, where SIGTERM does not exist
    between processes.

    Args:
        main: the program.
        stop_with_input: ``stop`` is set at the end of the standard input too. A parent that holds the other end of the
            pipe so stops its child on every system, by closing it or by dying, `kill -9` included.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(main, stop_with_input=stop_with_input))


@contextmanager
def interruptible() -> Iterator[None]:
    """In a program without an event loop, let SIGTERM interrupt like Ctrl-C: with a KeyboardInterrupt.

    For the main thread only. On Windows, where SIGTERM does not exist between processes, Ctrl-Break does so.
    """
    _, number = _stop_signals()
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let an impatient second Ctrl-C or SIGTERM not break a clean-up off. For the main thread only."""
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in _stop_signals()]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


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
    for number in _stop_signals():
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


def _stop_signals() -> tuple[signal.Signals, signal.Signals]:
    """Ctrl-C, and the other one that asks a program to stop."""
    if sys.platform == "win32":
        return signal.SIGINT, signal.SIGBREAK
    return signal.SIGINT, signal.SIGTERM


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Wait for the end of the input, in a thread that dies with the program; see to it that this comes."""
    while _read_input():
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:  # the loop is closed: the program ends already
        return
    threading.Event().wait(ORPHAN_LIMIT.total_seconds())
    os._exit(_STUCK)


def _read_input() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:  # there is no input: nobody holds the other end
        return b""
