"""Ctrl-C and its relatives in a program without an event loop: which of them interrupt, and when."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int
"""What handles a signal: a function, or one of ``SIG_IGN`` and ``SIG_DFL``."""


def stop_signals() -> list[signal.Signals]:
    """Return SIGINT (Ctrl-C) and the other signals that ask a program to stop; SIGHUP only where nobody ignores it."""
    if sys.platform == "win32":
        return [signal.SIGINT, signal.SIGBREAK]
    hung_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


@contextmanager
def interruptible() -> Iterator[None]:
    """In a program without an event loop, let SIGTERM and SIGHUP interrupt like Ctrl-C: with a KeyboardInterrupt.

    For the main thread only. On Windows, where they do not exist between processes, Ctrl-Break does so.
    """
    _, *others = stop_signals()
    with _handled(others, signal.default_int_handler):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a KeyboardInterrupt back until the end of the block.

    For the few lines between making something and noting that it has to be removed: an interrupt between the two would
    leave it behind. In other threads than the main one nothing has to be held back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    interrupting = [number for number in stop_signals() if signal.getsignal(number) is signal.default_int_handler]
    try:
        with _handled(interrupting, lambda number, _frame: held.append(number)):
            yield
    finally:
        for number in held[:1]:
            signal.raise_signal(number)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let an impatient second Ctrl-C, SIGTERM or SIGHUP not break a clean-up off. For the main thread only."""
    with _handled(stop_signals(), signal.SIG_IGN):
        yield


@contextmanager
def _handled(numbers: Iterable[signal.Signals], handler: Handler) -> Iterator[None]:
    before = [(number, signal.signal(number, handler)) for number in numbers]
    try:
        yield
    finally:
        for number, former in before:
            signal.signal(number, former)
