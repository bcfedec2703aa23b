"""A thread that notices when the event loop hangs; code in the loop could not."""

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
"""How many ticks of the thread make up the whole limit."""

_SPEAKING: Final = 5.0
"""Seconds that writing the last log line may take, because what blocks the loop may block the log too."""


class LoopGuard:
    """Guards the running event loop from its entry to its exit: ``with LoopGuard(limit)``.

    The thread counts its own ticks and not seconds: a process that was stopped and continued, or a machine that slept,
    is not mistaken for one that hangs. Code that never releases Python's global lock is not noticed, because the
    thread does not run either; the broker then ends the worker's connections, because heartbeats are missing.

    Args:
        limit: how long the loop may be busy with one callback.
        end: called in the thread with the text of the last log line.
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
                self._end(f"deaf: the event loop has been hanging for {self._limit.total_seconds():g} s, in {where}")
                return


def end_process(words: str) -> None:
    """Log a last line and end this process at once, whatever its other threads do."""
    speaker = threading.Thread(target=_say, args=(words,), name="last words", daemon=True)
    speaker.start()
    speaker.join(_SPEAKING)
    os._exit(DEAF)


def _say(words: str) -> None:
    logger.critical("%s", words)
    for handler in logging.getLogger().handlers:  # a handler may write in a thread, which is about to end
        handler.flush()


def end_process_within(limit: timedelta) -> None:
    """End this process after ``limit`` if it still runs: what makes a worker deaf may also keep it from ending."""
    ending = threading.Timer(limit.total_seconds(), os._exit, (DEAF,))
    ending.daemon = True
    ending.start()
