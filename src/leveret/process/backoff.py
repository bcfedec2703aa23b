"""Growing pauses between attempts, each shortened by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

SOUND: Final = 1.0
"""Seconds that a connection, or whatever was attempted, must last to count as a success."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses in seconds, without end: each one is longer than the one before, and is shortened by chance.

    Attributes:
        first: the first pause.
        factor: how many times longer each further pause is.
        most: the longest pause.
        jitter: the part of a pause, 0 to 1, that chance may remove, so that not all workers come back at the same time.
        chance: returns numbers from 0 to 1.
    """

    first: float = 0.1
    factor: float = 2.0
    most: float = 10.0
    jitter: float = 0.25
    chance: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (0 < self.first <= self.most and self.factor >= 1 and 0 <= self.jitter <= 1):
            raise ValueError(f"these pauses make no sense: {self!r}")

    def __iter__(self) -> Iterator[float]:
        """Yield the pauses from the first on."""
        pause = self.first
        while True:
            yield pause * (1 - self.jitter * self.chance())
            pause = min(pause * self.factor, self.most)


class Pauses:
    """Growing pauses between attempts, which start again with the first one after a success.

    Args:
        backoff: the lengths of the pauses.
    """

    def __init__(self, backoff: Backoff = Backoff()) -> None:  # noqa: B008 -- it is frozen
        self._backoff = backoff
        self._coming = iter(backoff)
        self._last = 0.0

    def next(self) -> float:
        """Return how many seconds to wait until the next attempt."""
        self._last = next(self._coming)
        return self._last

    def held(self, seconds: float) -> bool:
        """Note how long an attempt lasted: longer than the pause before it, and than a second, it was a success.

        Returns:
            Whether it was a success. What fails again at once, as on a full disk, was not.
        """
        if seconds <= max(self._last, SOUND):
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Start again with the first pause."""
        self._coming, self._last = iter(self._backoff), 0.0
