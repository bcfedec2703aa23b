"""Echo from each peer's own client to its own worker."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.cases.echo import SIZE, measure_echo
from bench.echoing import NATIVE
from bench.peers import SERVED, ClientFigures, call, exists, working
from bench.processes import Meter
from bench.rig import Rig

IN_FLIGHT: Final = 64
WITHOUT_CLIENT: Final = {"seed_shape", "fastapi_job"}
"""The peers that have no client of their own."""


def measure_client(rig: Rig, pace: Pace, name: str) -> Sample:
    """Measure a peer's client and worker; a few first calls decide how many calls the client makes."""
    with working(rig, name) as (server, queue):
        first = call(rig, name, server, queue, count=pace.probe, in_flight=IN_FLIGHT)
        count = calls_for(first, pace)
        with Meter({"worker": server.pid, "broker": rig.broker.pid}) as meter:
            called = call(rig, name, server, queue, count=count, in_flight=IN_FLIGHT)
    values = {"rate": called.rate, "p50_ms": called.p50_ms, "p99_ms": called.p99_ms}
    return Sample(values=values, processes={**meter.usages, "client": called.usage})


def calls_for(first: ClientFigures, pace: Pace) -> int:
    """Return how many calls fill the time of a run."""
    return max(pace.probe, int(first.rate * pace.seconds))


def _lines(_pace: Pace) -> list[Line]:
    setting = f"{IN_FLIGHT} in flight"
    native = Line(
        who="C client and worker", setting=setting, run=partial(measure_echo, who=NATIVE, in_flight=IN_FLIGHT)
    )
    names = [name for name in SERVED if name not in WITHOUT_CLIENT and exists(name)]
    return [
        native,
        *(
            Line(who=SERVED[name], setting=setting, run=partial(measure_client, name=name), seconds=3.5)
            for name in names
        ),
    ]


CASE: Final = Case(
    name="clients",
    title=f"Echo from each one's own client to its own worker, {SIZE} bytes of text",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
)
