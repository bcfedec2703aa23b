"""Rows: whether a request costs the same when the tables are large."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.whole_job import PROCESSES, name_of
from bench.databases import Database, Engine, kept_database, new_database
from bench.load import Demand
from bench.measuring import measure
from bench.rig import Rig
from bench.taskmanager import taskmanager


def measure_rows(rig: Rig, pace: Pace, engine: Engine, *, many: bool) -> Sample:
    """Measure the whole job on tables of tasks and responses with few or many rows.

    Ids are scattered as UUIDs are, because consecutive ones would all go to the same page of an index.
    """
    with (
        _database(rig, pace, engine, many=many) as database,
        taskmanager(rig, database, processes=PROCESSES[engine]) as served,
    ):
        return measure(served, pace, Demand(scatter=True))


def _database(rig: Rig, pace: Pace, engine: Engine, *, many: bool) -> AbstractContextManager[Database]:
    """Return the large database, which all rounds share, or a new small one, which would otherwise grow."""
    if many:
        return nullcontext(kept_database(rig, engine, tasks=pace.many, responses=pace.many))
    return new_database(rig, engine, tasks=pace.few, responses=pace.few)


def _lines(pace: Pace) -> list[Line]:
    return [
        Line(
            who=name_of(engine),
            setting=f"{pace.many if many else pace.few:,} rows",
            run=partial(measure_rows, engine=engine, many=many),
            seconds=3.0,
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
