"""One timer for any number of deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

LEAST_SWEPT: Final = 1024
"""Slots that may be empty before they are swept out."""

T = TypeVar("T", bound=Hashable)

TICK: Final = 0.01
"""Seconds: how late a deadline may be noticed; deadlines within one tick share a slot."""


class Deadlines(Generic[T]):
    """Tells which things' time has come.

    A thousand calls a second with ten seconds each would leave ten thousand cancelled timers in the loop's heap. Here a
    thing lies in the slot of its tick and is taken out of it without a trace, and only the next slot has a timer. Empty
    slots are swept out when they may be the most, so that long timeouts take no more room than what waits.

    Args:
        on_due: called in the event loop with each thing, never early and about a tick late at most.
    """

    def __init__(self, on_due: Callable[[T], None]) -> None:
        self._on_due = on_due
        self._loop = asyncio.get_running_loop()
        self._slots: dict[int, set[T]] = {}
        self._order: list[int] = []
        self._most_slots = LEAST_SWEPT
        self._timer: asyncio.TimerHandle | None = None

    def add(self, thing: T, moment: float) -> int:
        """Watch a thing until a moment of the loop's clock; returns the slot, by which it is discarded."""
        number = int(moment / TICK) + 1
        members = self._slots.get(number)
        if members is None:
            if len(self._slots) >= self._most_slots:
                self._sweep()
            members = self._slots[number] = set()
            heappush(self._order, number)
            if self._order[0] == number:
                self._arm()
        members.add(thing)
        return number

    def discard(self, thing: T, slot: int) -> None:
        """Watch a thing no longer; nothing happens when its time has come already."""
        if members := self._slots.get(slot):
            members.discard(thing)

    def close(self) -> None:
        """Forget everything and leave no timer behind."""
        self._slots.clear()
        self._order.clear()
        self._arm()

    def _sweep(self) -> None:
        self._slots = {number: members for number, members in self._slots.items() if members}
        self._order = sorted(self._slots)  # a sorted list is a heap
        self._most_slots = max(LEAST_SWEPT, 2 * len(self._slots))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._order[0] * TICK, self._tell) if self._order else None

    def _tell(self) -> None:
        now = self._loop.time()
        while self._order and self._order[0] * TICK <= now:
            for thing in self._slots.pop(heappop(self._order)):
                self._on_due(thing)
        self._arm()
