"""What worker processes report of themselves, and what all processes of a command add up to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

from msgspec import Struct

from leveret.observe.totals import Totals


class WorkerState(Struct, frozen=True, kw_only=True):
    """How a worker does at one moment.

    Attributes:
        consuming: whether deliveries come.
        blocked: whether the broker reads nothing from publishers, because of an alarm.
        in_hand: deliveries in hand.
        prefetch: the most deliveries in hand.
        lanes: how many lanes there are.
        lanes_busy: how many of them run something.
        ready: jobs that run in lanes, or wait for one.
        progress: how many jobs have ended in lanes.
        backlog: bytes of responses that the broker has not confirmed.
    """

    consuming: bool = False
    blocked: bool = False
    in_hand: int = 0
    prefetch: int = 0
    lanes: int = 0
    lanes_busy: int = 0
    ready: int = 0
    progress: int = 0
    backlog: int = 0


class ProcessReport(Struct, frozen=True, kw_only=True):
    """What one worker process says of itself.

    Attributes:
        pid: the process.
        totals: what it has counted since it started.
        state: how it does now.
        has_consumed: whether deliveries came at any time.
        database: seconds since the database answered; None if it did not answer when it was last asked.
        lanes_still: seconds for which a lane has been running something and no job has ended.
    """

    pid: int
    totals: Totals = Totals()
    state: WorkerState = WorkerState()
    has_consumed: bool = False
    database: float | None = None
    lanes_still: float = 0.0

    @property
    def work_waiting(self) -> float:
        """Seconds that the lanes need for what is ready, as far as the mean of all requests tells."""
        totals, lanes = self.totals, max(self.state.lanes, 1)
        if not totals.handling.count:
            return 0.0
        return self.state.ready * (totals.handling.sum + totals.commit.sum) / totals.handling.count / lanes


class KnownProcess(Struct, frozen=True):
    """A process that runs: its last report, and how many seconds ago it came."""

    report: ProcessReport
    age: float


class Reports:
    """The last reports of all processes of a command; safe in several threads.

    What a process has counted stays in the sum when the process has ended.

    Args:
        expected: how many processes run.
        clock: tells seconds.
    """

    def __init__(self, expected: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.expected = expected
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[Hashable, tuple[ProcessReport, float]] = {}
        self._ended = Totals()
        self._has_started = False

    def put(self, process: Hashable, report: ProcessReport) -> None:
        """Remember what a process says of itself; ``process`` stands for it until it ends."""
        with self._lock:
            self._last[process] = (report, self._clock())
            if sum(report.has_consumed for report, _ in self._last.values()) >= self.expected:
                self._has_started = True

    def end(self, process: Hashable) -> None:
        """Note that a process has ended; what it has counted stays in the sum."""
        with self._lock:
            if last := self._last.pop(process, None):
                self._ended = self._ended.plus(last[0].totals)

    @property
    def has_started(self) -> bool:
        """Whether, at some moment, as many processes as are expected had consumed."""
        return self._has_started

    def totals(self) -> Totals:
        """Return what all processes have counted, also those that have ended."""
        with self._lock:
            found = self._ended
            for report, _ in self._last.values():
                found = found.plus(report.totals)
        return found

    def processes(self) -> list[KnownProcess]:
        """Return the processes that run, each with its last report."""
        with self._lock:
            now = self._clock()
            return [KnownProcess(report, now - at) for report, at in self._last.values()]
