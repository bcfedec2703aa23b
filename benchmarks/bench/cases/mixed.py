"""Mixed: 60 % reads, 30 % writes, 5 % replays, 5 % errors, on a database that is not empty."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.whole_job import PROCESSES, name_of
from bench.databases import Engine, new_database
from bench.load import Demand
from bench.measuring import measure
from bench.rig import Rig
from bench.taskmanager import taskmanager


def measure_mixed(rig: Rig, pace: Pace, engine: Engine) -> Sample:
    """Measure the mixture; its order is the same in each run."""
    with (
        new_database(rig, engine, tasks=pace.few, responses=pace.few) as database,
        taskmanager(rig, database, processes=PROCESSES[engine]) as served,
    ):
        return measure(served, pace, Demand(action="mixed"))


def _lines(_pace: Pace) -> list[Line]:
    return [
        Line(who=name_of(engine), setting="64 in flight", run=partial(measure_mixed, engine=engine), seconds=2.5)
        for engine in PROCESSES
    ]


CASE: Final = Case(
    name="mixed",
    title="Mixed: 60 % reads (a third of them pages), 30 % writes, 5 % replays, 5 % errors",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
)
