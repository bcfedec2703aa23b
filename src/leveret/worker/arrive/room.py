"""How much memory larger requests may take at the same time: a budget in bytes."""

from __future__ import annotations

from collections import deque
from typing import Final

from leveret.amqp import Delivery
from leveret.wire.limits import MOST_VALUES

SMALL_BODY: Final = 4 * 1024
"""The most bytes of a body that needs no room: the prefetch limits how many such bodies there are."""

ROOM: Final = 64 * 1024 * 1024
"""Bytes of memory for requests that were read and have not ended; small ones do not count."""

_LARGEST_VALUE: Final = 240
"""The most bytes of memory for a value of a few bytes of JSON: an object with one member."""

_DENSEST: Final = 56
"""The most bytes of memory for each byte of JSON: nested arrays with one member each."""

_TEXTS: Final = 5
"""Bytes of memory for each byte of a text: one for the body, and four for the character."""


def cost(size: int) -> int:
    """Return how many bytes of memory a body of this size may take when it is read."""
    return min(_DENSEST * size, _TEXTS * size + _LARGEST_VALUE * MOST_VALUES)


class Room:
    """Lets deliveries in, in their order, while they fit; one that is larger than the room comes in alone.

    Args:
        size: bytes of memory.
    """

    def __init__(self, size: int = ROOM) -> None:
        self._size = size
        self._taken: dict[int, int] = {}
        self._total = 0
        self._waiting: deque[Delivery] = deque()

    def add(self, delivery: Delivery) -> None:
        """Make a delivery wait for room."""
        self._waiting.append(delivery)

    def enter(self) -> list[Delivery]:
        """Return the deliveries for which there is room now."""
        entered = []
        while self._waiting and self._fits(cost(len(self._waiting[0].body))):
            delivery = self._waiting.popleft()
            self._taken[delivery.delivery_tag] = taken = cost(len(delivery.body))
            self._total += taken
            entered.append(delivery)
        return entered

    def leave(self, tag: int) -> None:
        """Free the room of a delivery that has ended."""
        self._total -= self._taken.pop(tag, 0)

    def withdraw(self) -> list[Delivery]:
        """Return the deliveries that wait; they are not let in any more."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def _fits(self, wanted: int) -> bool:
        return not self._taken or self._total + wanted <= self._size
