"""What the rules of an overview decide on."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from leveret.operate.overview.records import Depths, Flow, WorkerLine
from leveret.operate.overview.samples import DepthSample, Seen, WorkerSample
from leveret.operate.overview.system import FORGOTTEN_AFTER, MINUTE, SILENT_AFTER, WHILE, System
from leveret.operate.overview.windows import WorkDone, add_durations, by_process, growth, percentiles, work_of


class Facts(Struct, frozen=True, kw_only=True):
    """Everything that a rule may look at.

    Attributes:
        now: POSIX seconds.
        system: what is known of the system beforehand.
        seen: what was seen.
        depths: the queues now.
        flow: rates and durations.
        workers: the processes that run, or should.
        lately: what each process did in the last minutes, also those that have ended.
        last_report: when any worker reported last; None if none has.
    """

    now: float
    system: System
    seen: Seen
    depths: Depths
    flow: Flow
    workers: tuple[WorkerLine, ...]
    lately: tuple[WorkDone, ...]
    last_report: float | None

    @property
    def live(self) -> tuple[WorkerLine, ...]:
        """The workers that are not silent."""
        return tuple(worker for worker in self.workers if not worker.silent)


def gather(seen: Seen, system: System, now: float) -> Facts:
    """Work out everything that an overview shows and its rules decide on."""
    processes = by_process(seen.workers)
    minute = [work_of(samples, now - MINUTE, now) for samples in processes]
    lines = [
        _line(samples, work, now)
        for samples, work in zip(processes, minute, strict=True)
        if not samples[-1].ended and now - samples[-1].at <= FORGOTTEN_AFTER
    ]
    return Facts(
        now=now,
        system=system,
        seen=seen,
        depths=_depths(seen.depths, system),
        flow=_flow(minute, seen, now),
        workers=tuple(lines),
        lately=tuple(work_of(samples, now - WHILE, now) for samples in processes),
        last_report=max((samples[-1].at for samples in processes), default=None),
    )


def _depths(depths: tuple[DepthSample, ...], system: System) -> Depths:
    if not depths:
        return Depths(limit=system.limit)
    last = depths[-1]
    return Depths(
        waiting=last.waiting,
        retrying=last.retrying,
        letters=last.letters,
        consumers=last.consumers,
        limit=system.limit,
    )


def _flow(minute: list[WorkDone], seen: Seen, now: float) -> Flow:
    if not minute:
        return Flow()
    finished = _rate(minute, "finished")
    change = growth(seen.depths, now - MINUTE)
    return Flow(
        incoming=None if change is None else max(0.0, finished + change),
        finished=finished,
        failing=_rate(minute, "retries") + _rate(minute, "letters"),
        waited=percentiles(add_durations(work.waiting for work in minute)),
        took=percentiles(add_durations(work.total for work in minute)),
    )


def _rate(works: Iterable[WorkDone], what: str) -> float:
    return sum(work.a_second(getattr(work, what)) for work in works)


def _line(samples: list[WorkerSample], work: WorkDone, now: float) -> WorkerLine:
    last = samples[-1]
    return WorkerLine(
        name=last.name,
        host=last.host,
        pid=last.pid,
        version=last.version,
        framework=last.framework,
        started=last.started,
        seen=last.at,
        silent=now - last.at > SILENT_AFTER,
        finished=work.a_second(work.finished),
        failing=work.a_second(work.retries + work.letters),
        lanes=last.lanes,
        lanes_busy=last.lanes_busy,
        held=tuple(sorted(last.held, key=lambda held: held.since)),
    )
