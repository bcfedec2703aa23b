"""Pauses between tries that grow, each shortened by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses in seconds: `first`, then `factor` times longer each, `most` at most, each shortened by chance.

    `jitter` is the part of a pause that chance may take away (0 to 1), so that many workers do not all come back in
    the same instant; `chance` gives numbers from 0 to 1.
    """

    first: float = 0.1
    factor: float = 2.0
    most: float = 10.0
    jitter: float = 0.25
    chance: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        """Refuse pauses that would be no pauses."""
        if not (0 < self.first <= self.most and self.factor >= 1 and 0 <= self.jitter <= 1):
            raise ValueError(f"these pauses make no sense: {self!r}")

    def __iter__(self) -> Iterator[float]:
        """Pauses without end."""
        pause = self.first
        while True:
            yield pause * (1 - self.jitter * self.chance())
            pause = min(pause * self.factor, self.most)
