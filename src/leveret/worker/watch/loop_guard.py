"""Noticing from a thread that the event loop does not turn any more: nobody within the loop could."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from leveret.process.exit_codes import DEAF
from leveret.worker.watch.stacks import stack_of

logger: Final = logging.getLogger("leveret.worker")

TICKS: Final = 12
"""So many ticks of the thread make the whole time."""

_SPEAKING: Final = 5.0
"""Seconds for the last words: what blocks the loop may block the log as well."""


class LoopGuard:
    """Guards the running event loop from its entry to its exit: ``with LoopGuard(limit)``.

    The thread counts its own ticks and not the seconds, so that a process that was stopped and goes on, or a machine
    that slept, is not taken for one that hangs. Code that never lets go of Python's global lock is not noticed: the
    thread does not run then either. The broker ends such a worker's connections for want of heartbeats.

    Args:
        limit: so long the loop may do nothing but one thing.
        end: gets the last words, in the thread.
    """

    def __init__(self, limit: timedelta, end: Callable[[str], None] | None = None) -> None:
        self._limit = limit
        self._pause = limit.total_seconds() / TICKS
        self._end = end or end_process
        self._over = threading.Event()
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None
        self._guarded = 0

    def __enter__(self) -> Self:
        self._guarded = threading.get_ident()
        self._beat()
        threading.Thread(target=self._live, name="loop-guard", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._beats += 1
        self._timer = asyncio.get_running_loop().call_later(self._pause / 2, self._beat)

    def _live(self) -> None:
        seen, missed = self._beats, 0
        while not self._over.wait(self._pause):
            beats = self._beats
            missed = missed + 1 if beats == seen else 0
            seen = beats
            if missed >= TICKS:
                where = stack_of(self._guarded)
                self._end(f"deaf: the event loop hangs for {self._limit.total_seconds():g} s already, in {where}")
                return


def end_process(words: str) -> None:
    """Log the last words and end this process at once, whatever its other threads do."""
    speaker = threading.Thread(target=_say, args=(words,), name="last words", daemon=True)
    speaker.start()
    speaker.join(_SPEAKING)
    os._exit(DEAF)


def _say(words: str) -> None:
    logger.critical("%s", words)
    for handler in logging.getLogger().handlers:  # the program's; one may write in a thread that is about to end
        handler.flush()


def end_process_within(limit: timedelta) -> None:
    """End this process after a while if it still runs: what makes a worker deaf may keep it from its end as well."""
    ending = threading.Timer(limit.total_seconds(), os._exit, (DEAF,))
    ending.daemon = True
    ending.start()
