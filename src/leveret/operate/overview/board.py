"""Where those who look write down what they have seen, and for how long it counts."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from leveret.operate.overview.samples import UNSEEN, DepthSample, Part, Seen, WorkerSample
from leveret.operate.overview.system import FORGOTTEN_AFTER

PartName: TypeAlias = Literal["broker", "database", "reports", "index"]

_MOST: Final = 100_000
"""Reports that are kept at most: 800 processes for ten minutes."""


class Board:
    """What was seen in the last ten minutes.

    Args:
        clock: POSIX time in seconds.

    Attributes:
        changed: set when something was noted about a part; whoever waits for it clears it.
        reports_read: whether the reports of the last minutes have been read, or cannot be.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.changed = asyncio.Event()
        self.reports_read = False
        self._workers: deque[WorkerSample] = deque(maxlen=_MOST)
        self._depths: deque[DepthSample] = deque(maxlen=_MOST)
        self._parts: dict[PartName, Part] = {}

    def report(self, sample: WorkerSample) -> None:
        """Write down what a worker said of itself."""
        self._workers.append(sample)

    def count(self, sample: DepthSample) -> None:
        """Write down how many messages are in the queues."""
        self._depths.append(sample)

    def note(self, name: PartName, state: Literal["ok", "troubled", "away", "unused", "unknown"], words: str) -> None:
        """Write down how a part is; as long as its state stays the same, so does the moment since when."""
        before = self._parts.get(name, UNSEEN)
        since = before.since if before.state == state else self.clock()
        self._parts[name] = Part(state=state, words=words, since=since)
        self.changed.set()

    def note_reports_read(self) -> None:
        """Write down that the reports of the last minutes have been read, or cannot be."""
        self.reports_read = True
        self.changed.set()

    @property
    def has_reports(self) -> bool:
        """Whether any worker has reported in the last minutes."""
        return bool(self._workers)

    @property
    def last_report(self) -> float:
        """When the report was made that was read last, in POSIX seconds; 0 if there is none."""
        return self._workers[-1].at if self._workers else 0.0

    def knows(self, *names: PartName) -> bool:
        """Return whether all of these parts were looked at."""
        return all(name in self._parts for name in names)

    def seen(self) -> Seen:
        """Return what was seen, and forget what is too old."""
        oldest = self.clock() - FORGOTTEN_AFTER
        for kept in (self._workers, self._depths):
            while kept and kept[0].at < oldest:
                kept.popleft()
        return Seen(
            workers=tuple(self._workers),
            depths=tuple(self._depths),
            broker=self._parts.get("broker", UNSEEN),
            database=self._parts.get("database", UNSEEN),
            reports=self._parts.get("reports", UNSEEN),
            index=self._parts.get("index", UNSEEN),
        )
