"""Replay: repeated ids are answered with the stored responses."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.whole_job import PROCESSES, name_of
from bench.databases import Engine
from bench.load import Demand
from bench.measuring import measure
from bench.rig import Rig
from bench.taskmanager import on_new_database

LEAST: Final = 1_000
"""Number of ids, at least, that are sent again one after the other; more than are ever in flight."""


def measure_replay(rig: Rig, pace: Pace, engine: Engine, *, in_flight: int) -> Sample:
    """Send requests, then measure while the same requests are sent again and again."""
    with on_new_database(rig, engine, processes=PROCESSES[engine]) as served:
        prefix = rig.new_name("again")
        count = LEAST if pace.seconds < 1 else 10 * LEAST
        first = Demand(prefix=prefix, count=count, in_flight=in_flight)
        served.ask(first)
        return measure(served, pace, replace(first, again=True))


def _lines(pace: Pace) -> list[Line]:
    return [
        Line(
            who=name_of(engine),
            setting=f"{count} in flight",
            run=partial(measure_replay, engine=engine, in_flight=count),
            seconds=4.0,
        )
        for count in pace.some((64, 256))
        for engine in PROCESSES
    ]


CASE: Final = Case(
    name="replay",
    title="Replay: ids that were answered before, all of them in turn",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
)
