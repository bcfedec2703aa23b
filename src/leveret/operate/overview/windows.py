"""What worker processes did within a span of time, from totals that count from the start of each process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from leveret.operate.overview.records import Percentiles
from leveret.operate.overview.samples import DepthSample, Durations, WorkerSample

_RANKS: Final = (0.5, 0.95, 0.99)


class WorkDone(Struct, frozen=True, kw_only=True):
    """What one process, or several, did within a span of time.

    Attributes:
        seconds: how long that span is.
        finished: how many requests were answered or given up.
        retries: how many attempts were put off.
        letters: how many requests were given up.
        waiting: how long requests waited.
        total: how long requests took.
    """

    seconds: float = 0.0
    finished: int = 0
    retries: int = 0
    letters: int = 0
    waiting: Durations = Durations()
    total: Durations = Durations()

    def a_second(self, count: int) -> float:
        """Return how many that is a second."""
        return count / self.seconds if self.seconds > 0 else 0.0


def by_process(samples: Iterable[WorkerSample]) -> list[list[WorkerSample]]:
    """Return the samples of each process, oldest first; the processes by host and number."""
    found: dict[tuple[str, int, float], list[WorkerSample]] = {}
    for sample in samples:
        found.setdefault(sample.process, []).append(sample)
    return [sorted(found[process], key=lambda sample: sample.at) for process in sorted(found)]


def work_of(samples: Sequence[WorkerSample], begin: float, end: float) -> WorkDone:
    """Return what one process did from one moment to another.

    It is the difference of the newest sample and the last one before the span. A process that started within the span
    had done nothing before. If the samples begin within the span, so does the work that is counted.

    Args:
        samples: of one process, oldest first, at least one.
        begin: POSIX seconds.
        end: POSIX seconds.
    """
    within = [sample for sample in samples if sample.at <= end]
    if not within or within[-1].at <= begin:
        return WorkDone(seconds=end - begin)
    newest = within[-1]
    before = [sample for sample in within if sample.at <= begin]
    started = newest.started >= begin
    base = before[-1] if before else _nothing(newest) if started else within[0]
    return WorkDone(
        seconds=end - begin if started or newest.ended else newest.at - base.at,
        finished=max(0, newest.finished - base.finished),
        retries=max(0, newest.retries - base.retries),
        letters=max(0, newest.letters - base.letters),
        waiting=_less(newest.waiting, base.waiting),
        total=_less(newest.total, base.total),
    )


def add_durations(several: Iterable[Durations]) -> Durations:
    """Return the sum of counts; those with other bounds than the first that has any are left out."""
    found = [each for each in several if each.counts]
    if not found:
        return Durations()
    alike = [each.counts for each in found if each.bounds == found[0].bounds]
    return Durations(found[0].bounds, tuple(map(sum, zip(*alike, strict=True))))


def percentiles(durations: Durations) -> Percentiles:
    """Return percentiles, in a straight line between two bounds; above the last bound it is that bound."""
    return Percentiles(**dict(zip(("p50", "p95", "p99"), (_rank(durations, rank) for rank in _RANKS), strict=True)))


def growth(depths: Sequence[DepthSample], begin: float) -> float | None:
    """Return by how many a second the requests in the queues became more, or fewer, since a moment.

    Returns:
        None where fewer than two samples show both queues.
    """
    known = [
        (sample.at, sample.waiting + sample.retrying)
        for sample in depths
        if sample.at >= begin and sample.waiting is not None and sample.retrying is not None
    ]
    if len(known) < 2 or known[-1][0] <= known[0][0]:
        return None
    (first, before), (last, after) = known[0], known[-1]
    return (after - before) / (last - first)


def _nothing(sample: WorkerSample) -> WorkerSample:
    return WorkerSample(
        name=sample.name,
        host=sample.host,
        pid=sample.pid,
        version=sample.version,
        framework=sample.framework,
        started=sample.started,
        at=sample.started,
    )


def _less(newest: Durations, base: Durations) -> Durations:
    if base.bounds != newest.bounds:
        return newest
    return Durations(newest.bounds, tuple(max(0, a - b) for a, b in zip(newest.counts, base.counts, strict=True)))


def _rank(durations: Durations, rank: float) -> float | None:
    total = sum(durations.counts)
    if not total:
        return None
    wanted, below, low = rank * total, 0, 0.0
    for bound, count in zip(durations.bounds, durations.counts, strict=False):
        if count and below + count >= wanted:
            return low + (bound - low) * (wanted - below) / count
        below, low = below + count, bound
    return durations.bounds[-1] if durations.bounds else None
