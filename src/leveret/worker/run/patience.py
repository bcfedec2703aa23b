"""How long a worker holds up requests for the sake of others, when what it waits for does not come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

logger: Final = logging.getLogger("leveret.worker")

MOST: Final = 2.0
"""Seconds that may be waited in vain at once."""

SHARE: Final = 0.1
"""Of the time, what may be waited in vain in the long run: the patience that comes back in a second."""

TICK: Final = 0.25
"""Seconds between two looks."""

FREE: Final = 0.1
"""Seconds: a shorter wait costs no patience."""


class Patience:
    """Watches over waits: they may be in vain for two seconds at once, and for a tenth of the time.

    Args:
        waits_for: what is waited for, for the log.
        on_lost: called when a wait has taken what patience there was.
        progress: grows as long as a wait is not in vain.
    """

    def __init__(self, waits_for: str, on_lost: Callable[[], None], progress: Callable[[], int]) -> None:
        self._waits_for = waits_for
        self._on_lost = on_lost
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._left = MOST
        self._at = self._loop.time()
        self._seen = 0
        self._seen_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def lost(self) -> bool:
        """Whether there is none left for the moment: then nothing is waited for."""
        return self._now_left() < TICK

    def begin(self) -> None:
        """Watch over a wait from now on, unless one is watched over already."""
        if self._timer is None:
            self._seen = self._progress()
            self._look_later()

    def end(self) -> None:
        """The wait has come to its end, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if self._loop.time() - self._seen_at > FREE:
                self._charge()

    def _now_left(self) -> float:
        now = self._loop.time()
        self._left = min(MOST, self._left + (now - self._at) * SHARE)
        self._at = now
        return self._left

    def _look_later(self) -> None:
        self._seen_at = self._loop.time()
        self._timer = self._loop.call_later(TICK, self._look)

    def _charge(self) -> None:
        seen = self._progress()
        if seen == self._seen:
            self._left = self._now_left() - (self._loop.time() - self._seen_at)
        self._seen = seen

    def _look(self) -> None:
        self._charge()
        if self.lost:
            self._timer = None
            logger.info("no longer waiting for %s", self._waits_for)
            self._on_lost()
        else:
            self._look_later()
