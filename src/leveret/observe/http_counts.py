"""What a door over HTTP counts: requests by route, method and status, their durations, and how many run now."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from leveret.observe.totals import SECONDS, Spread

UNKNOWN: Final = "-"
"""Stands for a route or a method that the door does not have, so that callers cannot make names of metrics."""


class HttpTotals(Struct, frozen=True):
    """What a door has counted since it started.

    Attributes:
        requests: how many requests were answered, by route, method and status.
        seconds: how long each route needed until its answer was sent, streams of events left out.
        running: how many requests run now.
    """

    requests: Mapping[tuple[str, str, str], int]
    seconds: Mapping[str, Spread]
    running: int


class HttpCounts:
    """Counts the requests of a door; a page of metrics reads it in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._seconds: dict[str, tuple[list[int], list[float]]] = {}
        self._moved: float | None = None

    def beat(self) -> None:
        """Note that the event loop of the door moves."""
        self._moved = time.monotonic()

    @property
    def started(self) -> bool:
        """Whether the event loop has moved at all."""
        return self._moved is not None

    @property
    def still(self) -> float:
        """Seconds since the event loop has moved; 0 before it did."""
        return 0.0 if self._moved is None else time.monotonic() - self._moved

    def begin(self) -> None:
        """Count a request that has begun."""
        with self._lock:
            self._running += 1

    def end(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count a request that has ended.

        Args:
            route: the path as it was declared.
            method: of the request.
            status: of the answer; 0 if the caller went away before there was one.
            seconds: how long it took; None for a stream, which lasts as long as its reader wants.
        """
        with self._lock:
            self._running -= 1
            self._requests[route, method, str(status)] += 1
            if seconds is not None:
                counts, sums = self._seconds.setdefault(route, ([0] * (len(SECONDS) + 1), [0.0]))
                counts[bisect_left(SECONDS, seconds)] += 1
                sums[0] += seconds

    def totals(self) -> HttpTotals:
        """Return what was counted so far."""
        with self._lock:
            spreads = {route: Spread(tuple(counts), sums[0]) for route, (counts, sums) in self._seconds.items()}
            return HttpTotals(dict(self._requests), spreads, self._running)
