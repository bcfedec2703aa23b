"""Backlog: how much time and memory a worker takes for very many requests that wait."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.whole_job import PROCESSES, name_of
from bench.databases import Engine, new_database
from bench.figures import growth
from bench.load import Address, Demand, load_command, read_answers
from bench.processes import Meter
from bench.programs import running
from bench.queues import api_queues
from bench.rig import Rig
from bench.taskmanager import taskmanager
from leveret.topology import Topology

LIMIT: Final = 600.0
PLANNED_RATE: Final = 5_000
"""Requests per second, for the plan only."""


def measure_backlog(rig: Rig, pace: Pace, engine: Engine) -> Sample:
    """Send all requests, then start the worker and measure from the first reply to the last.

    The process that has sent the requests also waits for the replies, because they come to its connection.
    """
    prefix = rig.new_name("ask")
    demand = Demand(count=pace.backlog, backlog=True, prefix=prefix, limit=120.0)
    with new_database(rig, engine) as database, api_queues(rig.broker.url, Topology(rig.new_name("api"))) as topology:
        to = Address(exchange=topology.exchange, routing_key=topology.requests, token=database.token)
        command = load_command(rig, to, demand)
        with running(command, rig.environment | {"TOKEN": to.token}, limit=LIMIT) as load:
            load.wait_for_error_text("waiting", LIMIT)
            with taskmanager(rig, database, processes=PROCESSES[engine], topology=topology) as served:
                with Meter(served.roots) as meter:
                    answers = read_answers(load.ended())
                served.wrote(prefix, answers)
    grown = growth(meter.memory["worker"])
    return answers.sample(meter, seconds=answers.figures["seconds"], growth_mb=grown)


def _lines(pace: Pace) -> list[Line]:
    seconds = pace.backlog / PLANNED_RATE
    return [
        Line(
            who=name_of(engine),
            setting=f"{pace.backlog:,} waiting",
            run=partial(measure_backlog, engine=engine),
            seconds=3.0 + seconds / 2,
            measured=seconds,
        )
        for engine in PROCESSES
    ]


CASE: Final = Case(
    name="backlog",
    title="Backlog: requests for the whole job wait; from the first reply to the last one",
    lines=_lines,
    shown=("seconds", "rate", "growth_mb"),
    most_rounds=1,
)
