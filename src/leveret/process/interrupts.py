"""Ctrl-C and similar signals in a program without an event loop: which of them interrupt it, and when."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int
"""A handler of a signal: a function, ``SIG_IGN`` or ``SIG_DFL``."""


def stop_signals() -> list[signal.Signals]:
    """Return the signals that ask a program to stop, SIGINT (Ctrl-C) first; SIGHUP only where it is not ignored."""
    if sys.platform == "win32":
        return [signal.SIGINT, signal.SIGBREAK]
    hung_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, in a program without an event loop.

    For the main thread only. On Windows, where processes cannot send these signals, Ctrl-Break does so.
    """
    _, *others = stop_signals()
    with _handled(others, signal.default_int_handler):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay a KeyboardInterrupt until the end of the block.

    For the few lines between making something and noting that it has to be removed, because an interrupt between them
    would leave it behind. Other threads than the main one are never interrupted.
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
    """Ignore further Ctrl-C, SIGTERM and SIGHUP during a clean-up. For the main thread only."""
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
