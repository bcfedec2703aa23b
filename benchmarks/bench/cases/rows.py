"""Rows: does a request cost the same when the tables are large?"""

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


def play_rows(rig: Rig, pace: Pace, engine: Engine, *, many: bool) -> Sample:
    """Measure the whole job on tables of tasks and of responses with so many rows, kept for all rounds."""
    count = pace.many if many else pace.few
    database = kept_database(rig, engine, tasks=count, responses=count)
    with taskmanager(rig, database, processes=PROCESSES[engine]) as served:
        return measure(served, pace, Demand())


def _lines(pace: Pace) -> list[Line]:
    return [
        Line(
            who=name_of(engine),
            setting=f"{pace.many if many else pace.few:,} rows",
            play=partial(play_rows, engine=engine, many=many),
            seconds=4.0,
        )
        for engine in PROCESSES
        for many in (False, True)
    ]


CASE: Final = Case(
    name="rows",
    title="The whole job, 64 in flight, by rows in `processed_requests` and in tasks",
    lines=_lines,
    shown=("rate", "p50_ms"),
    prepare=150.0,
)
