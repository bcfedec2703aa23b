"""Latency: one request at a time, and at half of a worker's highest rate in an open loop."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.echo import SIZE, WHO
from bench.cases.whole_job import FIRST_SHAPE, PROCESSES, name_of
from bench.echoing import NATIVE, echoing
from bench.first_shape import first_shape
from bench.load import Demand
from bench.measuring import Serve, measure, measure_half
from bench.rig import Rig
from bench.taskmanager import on_new_database

ONE: Final = "one in flight"
HALF: Final = "half of its rate"
TASK_SIZE: Final = 16
"""Bytes in the description of a task."""


def measure_one_at_a_time(rig: Rig, pace: Pace, serve: Serve, size: int) -> Sample:
    """Measure one request at a time."""
    with serve(rig) as served:
        return measure(served, pace, Demand(in_flight=1, size=size))


def measure_half_rate(rig: Rig, pace: Pace, serve: Serve, size: int) -> Sample:
    """Measure in an open loop at half of the highest rate."""
    with serve(rig) as served:
        return measure_half(served, pace, Demand(size=size))


def _lines(pace: Pace) -> list[Line]:
    lines = []
    for name, serve in _jobs().items():
        lines += _pair(name, serve, TASK_SIZE)
    for who in (NATIVE, "leveret_peer", "aio_pika_peer", "faststream_peer")[: None if pace.thorough else 2]:
        lines += _pair(f"echo, {WHO[who]}", partial(echoing, who=who), SIZE)
    return lines


def _jobs() -> dict[str, Serve]:
    jobs: dict[str, Serve] = {FIRST_SHAPE: first_shape}
    return jobs | {
        name_of(engine): partial(on_new_database, engine=engine, processes=count) for engine, count in PROCESSES.items()
    }


def _pair(who: str, serve: Serve, size: int) -> list[Line]:
    return [
        Line(who=who, setting=ONE, run=partial(measure_one_at_a_time, serve=serve, size=size)),
        Line(who=who, setting=HALF, run=partial(measure_half_rate, serve=serve, size=size), seconds=2.5),
    ]


CASE: Final = Case(
    name="latency",
    title="Latency of the whole job and of the echo: one at a time, and at half of the highest rate (open loop)",
    lines=_lines,
    shown=("p50_ms", "p99_ms", "p999_ms", "rate"),
)
