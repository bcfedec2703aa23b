"""The whole job: `create_task` with token, validation, idempotency, effect, stored response, durable commit, reply."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.databases import NAMES, Engine
from bench.first_shape import first_shape
from bench.load import Demand
from bench.measuring import measure
from bench.rig import Rig
from bench.taskmanager import on_new_database

FIRST_SHAPE: Final = "first version's shape, SQLite"
PROCESSES: Final[dict[Engine, int]] = {"sqlite": 1, "postgresql": 2}
"""Number of worker processes: one with SQLite, which has one writer; two with PostgreSQL, to use both cores."""


def name_of(engine: Engine) -> str:
    """Return the name of our worker in tables."""
    return f"taskmanager, {NAMES[engine]}, {PROCESSES[engine]} proc."


def measure_job(
    rig: Rig, pace: Pace, engine: Engine, *, in_flight: int, clients: int = 1, processes: int = 0
) -> Sample:
    """Measure our worker on an empty database."""
    with on_new_database(rig, engine, processes=processes or PROCESSES[engine]) as served:
        return measure(served, pace, Demand(in_flight=in_flight, clients=clients))


def measure_first_shape(rig: Rig, pace: Pace, *, in_flight: int) -> Sample:
    """Measure a worker in the shape of the first version, under the same load."""
    with first_shape(rig) as served:
        return measure(served, pace, Demand(in_flight=in_flight))


def _lines(pace: Pace) -> list[Line]:
    lines = []
    for count in pace.some((64, 256)):
        setting = f"{count} in flight"
        lines.append(Line(who=FIRST_SHAPE, setting=setting, run=partial(measure_first_shape, in_flight=count)))
        for engine in PROCESSES:
            run = partial(measure_job, engine=engine, in_flight=count)
            lines.append(Line(who=name_of(engine), setting=setting, run=run, seconds=2.5))
    return lines


CASE: Final = Case(
    name="job",
    title="The whole job: `create_task` with everything durable and verified; load in C",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
)
