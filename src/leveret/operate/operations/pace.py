"""How fast letters are sent: so many a second, in portions of a second's worth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

LARGEST_PORTION: Final = 1_000
"""Letters that are sent before anything else is looked at."""


class Pace:
    """Tells how many letters may be sent at once, and how long to wait before the next ones.

    Args:
        rate: letters a second at most; None for no limit.
        clock: the seconds of a clock that never goes back.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._next = clock()

    @property
    def portion(self) -> int:
        """How many letters may be sent at once."""
        return LARGEST_PORTION if self._rate is None else max(1, min(LARGEST_PORTION, math.floor(self._rate)))

    def measured(self, sent: int, seconds: float) -> float:
        """Return how many letters a second that is; see ``measured_rate``."""
        return measured_rate(sent, seconds, self._rate)

    def wait(self) -> float:
        """Return how many seconds to wait before the next portion."""
        return max(self._next - self._clock(), 0.0)

    def took(self, count: int) -> None:
        """Note that a portion of that many letters is about to be sent; time that was not used is not made up for."""
        if self._rate is not None:
            self._next = max(self._next, self._clock()) + count / self._rate


def measured_rate(sent: int, seconds: float, limit: float | None) -> float:
    """Return how many letters a second were sent, or the most that may be sent: the first letters go at once.

    Args:
        sent: how many letters.
        seconds: since before the first of them.
        limit: letters a second at most; None for no limit.
    """
    rate = sent / max(seconds, 0.001)
    return rate if limit is None else min(rate, limit)
