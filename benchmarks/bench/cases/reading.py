"""Reads: one task, and a page of 20, among very many tasks."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.whole_job import PROCESSES, name_of
from bench.databases import Engine, kept_database
from bench.load import Demand
from bench.measuring import measure
from bench.rig import Rig
from bench.taskmanager import taskmanager


def measure_reads(rig: Rig, pace: Pace, engine: Engine, action: str) -> Sample:
    """Measure an action that reads, on a database that all rounds share."""
    database = kept_database(rig, engine, tasks=pace.tasks)
    with taskmanager(rig, database, processes=PROCESSES[engine]) as served:
        return measure(served, pace, Demand(action=action))


def _lines(pace: Pace) -> list[Line]:
    return [
        Line(
            who=name_of(engine),
            setting=f"{action} of {pace.tasks:,}",
            run=partial(measure_reads, engine=engine, action=action),
            seconds=2.5,
        )
        for action in ("get_task", "list_tasks")
        for engine in PROCESSES
    ]


CASE: Final = Case(
    name="read",
    title="Reads, 64 in flight: `get_task` of any task, `list_tasks` with the newest page of 20",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
    prepare=30.0,
)
