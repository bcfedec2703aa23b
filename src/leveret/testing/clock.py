"""A clock that goes on by itself like every clock, and that a test can move ahead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from leveret.process.clock import Cancellable, Clock


class MovableClock:
    """The machine's clock, ahead by what a test has moved it; it belongs to the running event loop.

    Attributes:
        clock: its functions, for worker, client and broker.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ahead = 0.0
        self._numbers = count()
        self._due: list[tuple[float, int, _Timer]] = []
        self._alarm: asyncio.TimerHandle | None = None
        self.clock = Clock(self.posix, self.steady, self.call_at)

    def posix(self) -> float:
        """Return POSIX time in seconds on this clock."""
        return time.time() + self._ahead

    def steady(self) -> float:
        """Return the seconds of this clock, which never goes back."""
        return time.monotonic() + self._ahead

    def call_at(self, moment: float, callback: Callable[[], object]) -> Cancellable:
        """Call a function in the event loop when this clock shows a moment, by itself or because it is moved."""
        timer = _Timer(callback)
        heappush(self._due, (moment, next(self._numbers), timer))
        if self._due[0][2] is timer:
            self._set_alarm()
        return timer

    def next_due(self) -> float | None:
        """Return the next moment at which something is called, on ``steady``; None if nothing waits."""
        while self._due and self._due[0][2].cancelled:
            heappop(self._due)
        return self._due[0][0] if self._due else None

    async def move(self, seconds: float) -> None:
        """Move the clock ahead, and call what has become due."""
        self._ahead += seconds
        self._run_due()

    def _run_due(self) -> None:
        now = self.steady()
        while (moment := self.next_due()) is not None and moment <= now:
            heappop(self._due)[2].callback()
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        moment = self.next_due()
        delay = None if moment is None else max(moment - self.steady(), 0.0)
        self._alarm = None if delay is None else self._loop.call_later(delay, self._run_due)

    def close(self) -> None:
        """Call nothing any more."""
        self._due.clear()
        self._set_alarm()


class _Timer:
    """One call that is made later."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Do not make the call."""
        self.cancelled = True
