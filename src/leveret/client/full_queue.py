"""How long to wait before a client sends again to a queue that is full."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

SHORTEST: Final = 1.0
"""The shortest pause in seconds, before chance makes it longer."""

LONGEST: Final = 30.0
"""The longest pause in seconds, before chance makes it longer."""

FORGETTING: Final = 60.0
"""Seconds without a refusal after which the queue is assumed to have had room in between."""

SPREAD: Final = 0.25
"""The part of a pause that chance may add to it, so that not all callers come back at the same moment."""


class FullQueue:
    """Knows since when a queue has refused everything that this client sent, and how long to wait because of that.

    The pause is as long as the queue has been full: one that has been full for long will hardly have room in a second.

    Args:
        chance: returns numbers from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._full_since: float | None = None
        self._refused_last = 0.0

    def accepted(self) -> None:
        """Note that the queue has accepted a message."""
        self._full_since = None

    def refused(self, now: float) -> float:
        """Note that the queue refused a message, and return how many seconds to wait before sending again.

        Args:
            now: on any clock in seconds that never goes back.
        """
        if self._full_since is None or now - self._refused_last > FORGETTING:
            self._full_since = now
        self._refused_last = now
        pause = min(max(now - self._full_since, SHORTEST), LONGEST)
        return round(pause * (1 + SPREAD * self._chance()), 1)
