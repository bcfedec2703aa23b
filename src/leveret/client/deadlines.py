"""One timer for any number of deadlines."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from leveret.process.clock import Cancellable, Clock, loop_clock

LEAST_SWEPT: Final = 1024
"""How many slots there may be before the empty ones are removed."""

T = TypeVar("T", bound=Hashable)

TICK: Final = 0.01
"""Seconds by which a deadline may be noticed too late; deadlines within one tick share a slot."""


class Deadlines(Generic[T]):
    """Keeps things with a deadline, and calls a function with each thing whose deadline has passed.

    A thousand calls a second with timeouts of ten seconds would leave ten thousand cancelled timers in the loop's heap.
    Here each thing is in the slot of its tick, from which it can be removed at once, and only the next slot has a
    timer. Empty slots are removed when they may be the majority, so that long timeouts do not cost memory.

    Args:
        on_due: called in the event loop with each thing, never early and at most about one tick late.
        clock: tells the time, and calls later; the machine's by default.
    """

    def __init__(self, on_due: Callable[[T], None], clock: Clock | None = None) -> None:
        self._on_due = on_due
        self._clock = clock or loop_clock()
        self._slots: dict[int, set[T]] = {}
        self._order: list[int] = []
        self._most_slots = LEAST_SWEPT
        self._timer: Cancellable | None = None

    def add(self, thing: T, moment: float) -> int:
        """Keep a thing until a moment on the steady clock; return its slot, which `discard` needs."""
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
        """Remove a thing; nothing happens when its deadline has passed already."""
        if members := self._slots.get(slot):
            members.discard(thing)

    def close(self) -> None:
        """Forget everything and cancel the timer."""
        self._slots.clear()
        self._order.clear()
        self._arm()

    def _sweep(self) -> None:
        for number in [number for number, members in self._slots.items() if not members]:
            del self._slots[number]
        self._order[:] = sorted(self._slots)  # a sorted list is a heap
        self._most_slots = max(LEAST_SWEPT, 2 * len(self._slots))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(self._order[0] * TICK, self._tell) if self._order else None

    def _tell(self) -> None:
        now = self._clock.steady()
        while self._order and self._order[0] * TICK <= now:
            for thing in self._slots.pop(heappop(self._order)):
                self._on_due(thing)
        self._arm()
