"""Rates and durations of the last minutes, one after another, from the same reports as those of the last minute."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from leveret.operate.overview.samples import DepthSample, Seen, WorkerSample
from leveret.operate.overview.system import WHILE
from leveret.operate.overview.windows import WorkDone, add_durations, by_process, growth, percentiles, work_of

STEP: Final = 15.0
"""Seconds that each moment of a history sums up."""


class FlowMoment(Struct, frozen=True, kw_only=True):
    """What went through the system within a few seconds; None where that was not seen.

    Attributes:
        at: the end of these seconds, POSIX seconds.
        waiting: requests that waited for the workers then.
        retrying: requests that waited in retry queues then.
        letters: dead letters then.
        incoming: requests a second that came from callers.
        finished: requests a second that were answered or given up.
        failing: attempts a second that failed.
        took: seconds that 95 % of the requests did not exceed.
    """

    at: float
    waiting: int | None = None
    retrying: int | None = None
    letters: int | None = None
    incoming: float | None = None
    finished: float | None = None
    failing: float | None = None
    took: float | None = None


def flow_history(seen: Seen, now: float) -> tuple[FlowMoment, ...]:
    """Return the moments of the last minutes, the oldest first; all who read the same reports get the same."""
    last = now // STEP * STEP
    processes = by_process(seen.workers)
    moments = (last - STEP * number for number in reversed(range(int(WHILE / STEP))))
    return tuple(_moment(processes, seen.depths, at) for at in moments)


def _moment(processes: Sequence[Sequence[WorkerSample]], depths: Sequence[DepthSample], at: float) -> FlowMoment:
    works = list(_works(processes, at))
    known = [sample for sample in depths if sample.at <= at]
    last = known[-1] if known and known[-1].at > at - STEP else DepthSample(at=at)
    finished = sum(work.a_second(work.finished) for work in works) if works else None
    change = growth(known, at - STEP)
    return FlowMoment(
        at=at,
        waiting=last.waiting,
        retrying=last.retrying,
        letters=last.letters,
        incoming=None if finished is None or change is None else max(0.0, finished + change),
        finished=finished,
        failing=sum(work.a_second(work.retries + work.letters) for work in works) if works else None,
        took=percentiles(add_durations(work.total for work in works)).p95,
    )


def _works(processes: Sequence[Sequence[WorkerSample]], at: float) -> Iterator[WorkDone]:
    """Return what each process did that reported within the seconds before a moment."""
    for samples in processes:
        begin, end = (bisect_right(samples, moment, key=lambda sample: sample.at) for moment in (at - STEP, at))
        if end > begin:
            yield work_of(samples[max(begin - 1, 0) : end], at - STEP, at)
