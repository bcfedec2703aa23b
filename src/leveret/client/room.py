"""When to ask again at a queue that has no room."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

SHORTEST: Final = 1.0
LONGEST: Final = 30.0
"""Seconds to wait before asking again, at least and at most, but for what chance adds."""

FORGETTING: Final = 60.0
"""Seconds without a refusal after which a queue counts as one that had room meanwhile."""

SPREAD: Final = 0.25
"""The part of a pause that chance may add to it, so that callers do not all come back in the same instant."""


class Room:
    """Knows since when a queue has refused all that this client sent.

    A queue that has been full for long will hardly have room in a second: the pause is as long again as that time.

    Args:
        chance: gives numbers from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._full_since: float | None = None
        self._refused_last = 0.0

    def accepted(self) -> None:
        """Note that the queue has taken something."""
        self._full_since = None

    def refused(self, now: float) -> float:
        """Note that the queue refused something; returns after how many seconds to ask again.

        Args:
            now: on any clock in seconds that never goes back.
        """
        if self._full_since is None or now - self._refused_last > FORGETTING:
            self._full_since = now
        self._refused_last = now
        pause = min(max(now - self._full_since, SHORTEST), LONGEST)
        return round(pause * (1 + SPREAD * self._chance()), 1)
