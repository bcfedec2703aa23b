"""How long a worker holds up requests while it waits for something that may not happen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

logger: Final = logging.getLogger("leveret.worker")

MOST: Final = 2.0
"""The most seconds in the budget: one wait can be in vain for that long."""

SHARE: Final = 0.1
"""Seconds that come back to the budget in each second, and so the share of time in the long run."""

TICK: Final = 0.25
"""Seconds between two looks at the progress; with less than that left, the budget is used up."""

FREE: Final = 0.1
"""Seconds that a wait may take at no cost."""


class WaitBudget:
    """The budget for waiting in vain: two seconds at once, and a tenth of the time in the long run.

    Waiting is in vain while there is no progress. Only one wait may go on at a time.

    Args:
        waits_for: what is waited for, for the log.
        progress: returns a number that grows whenever there is progress.
    """

    def __init__(self, waits_for: str, progress: Callable[[], int]) -> None:
        self._waits_for = waits_for
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._left = MOST
        self._left_at = self._loop.time()

    @property
    def used_up(self) -> bool:
        """Whether nothing is waited for at present, because waiting was in vain before."""
        return self._now_left() < TICK

    async def wait(self, coming: Callable[[], Coroutine[Any, Any, object]]) -> bool:
        """Wait until a coroutine has ended; when the budget is used up, cancel it and return False."""
        if self.used_up:
            return False
        task: asyncio.Task[object] = self._loop.create_task(coming())
        try:
            while not (task.done() or self.used_up):
                await self._look(task)
        finally:
            task.cancel()
        return task.done()

    async def _look(self, task: asyncio.Task[object]) -> None:
        """Wait for a moment, and charge it to the budget if nothing happened in it."""
        seen, since = self._progress(), self._loop.time()
        await asyncio.wait({task}, timeout=TICK)
        waited = self._loop.time() - since
        if self._progress() == seen and (waited > FREE or not task.done()):
            self._left = self._now_left() - waited
            if self.used_up:
                logger.info("no longer waiting for %s", self._waits_for)

    def _now_left(self) -> float:
        now = self._loop.time()
        self._left = min(MOST, self._left + (now - self._left_at) * SHARE)
        self._left_at = now
        return self._left
