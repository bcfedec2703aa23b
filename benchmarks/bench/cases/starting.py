"""Start: from the command to the reply to a request that waits, while broker and database run."""

from __future__ import annotations

import sys
import time
from typing import Final

from bench.case import Case, Line, Pace, RunFailed, Sample
from bench.databases import new_database
from bench.load import Address, Demand, ask
from bench.programs import run_to_end, serving
from bench.queues import api_queues
from bench.rig import Rig
from bench.taskmanager import worker_command, worker_environment
from leveret.topology import Topology


def measure_start(rig: Rig, _pace: Pace) -> Sample:
    """Start the worker while nothing else runs, and wait for the reply to a health check."""
    with new_database(rig, "sqlite") as database, api_queues(rig.broker.url, Topology(rig.new_name("api"))) as topology:
        to = Address(exchange=topology.exchange, routing_key=topology.requests)
        environment = worker_environment(rig, database, topology)
        began = time.perf_counter()
        with serving(worker_command(1), environment, rig.folder / f"{topology.prefix}.log"):
            # The load generator starts in some milliseconds, the worker in some hundred.
            ask(rig, to, Demand(action="health_check", count=1, in_flight=1))
            seconds = time.perf_counter() - began
    return Sample(values={"seconds": seconds})


def measure_import(rig: Rig, _pace: Pace) -> Sample:
    """Import everything that a worker needs in a new Python process."""
    began = time.perf_counter()
    ended = run_to_end(
        [sys.executable, "-P", "-c", "import taskmanager.cli.command, leveret.cli.serving.worker"],
        rig.environment,
        limit=60.0,
    )
    seconds = time.perf_counter() - began
    if ended.code != 0:
        raise RunFailed(f"the import failed: {ended.errors}")
    return Sample(values={"seconds": seconds}, processes={"python": ended.usage})


def _lines(_pace: Pace) -> list[Line]:
    return [
        Line(who="import", setting="seconds", run=measure_import, seconds=0.6, measured=0.0),
        Line(who="start to first reply", setting="seconds", run=measure_start, seconds=2.5, measured=0.0),
    ]


CASE: Final = Case(
    name="start", title="Import, and start to the first consumed request", lines=_lines, shown=("seconds",)
)
