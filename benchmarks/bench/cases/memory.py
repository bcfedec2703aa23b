"""Memory: how much a worker holds after a million requests, and whether that grows."""

from __future__ import annotations

from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.databases import new_database
from bench.figures import growth
from bench.load import Demand
from bench.processes import Meter, peak_mb
from bench.rig import Rig
from bench.taskmanager import taskmanager

IN_FLIGHT: Final = 256
PLANNED_RATE: Final = 7_000
"""Requests per second, for the plan only."""


def measure_million(rig: Rig, pace: Pace) -> Sample:
    """Let one process do the whole job ``pace.million`` times, and measure its memory all the time."""
    with new_database(rig, "sqlite") as database, taskmanager(rig, database) as served:
        with Meter(served.roots) as meter:
            answers = served.ask(Demand(count=pace.million, in_flight=IN_FLIGHT))
        peak = peak_mb(served.server.pid)
    memory = meter.memory["worker"]
    return answers.sample(meter, held_mb=memory[-1], peak_mb=peak, growth_mb=growth(memory))


def _lines(pace: Pace) -> list[Line]:
    seconds = pace.million / PLANNED_RATE
    return [
        Line(
            who="taskmanager, SQLite, 1 proc.",
            setting=f"{pace.million:,} requests",
            run=measure_million,
            measured=seconds,
        )
    ]


CASE: Final = Case(
    name="memory",
    title="Memory of a worker process that does the whole job, 256 in flight; growth over the second half of the time",
    lines=_lines,
    shown=("held_mb", "peak_mb", "growth_mb", "rate"),
    most_rounds=1,
)
