"""The whole job over HTTP: our gateway in both forms, beside FastAPI's bare echo and the job written by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.databases import NAMES, Engine
from bench.load import Demand
from bench.measuring import measure
from bench.over_http import HttpServer, fastapi_echo, fastapi_job, gateway
from bench.rig import Rig

Serving = Callable[[Rig], AbstractContextManager[HttpServer]]

ECHO: Final = "FastAPI, bare echo"
IN_FLIGHT: Final = 64
SETTING: Final = f"{IN_FLIGHT} in flight"
SIZE: Final = 64
"""Bytes of text in an echo."""


def over_rabbitmq(engine: Engine) -> str:
    """Return the name of our gateway with workers in tables."""
    return f"gateway over RabbitMQ, {NAMES[engine]}"


def direct(engine: Engine) -> str:
    """Return the name of our gateway without a broker in tables."""
    return f"gateway --direct, {NAMES[engine]}"


def by_hand(engine: Engine, processes: int) -> str:
    """Return the name of the job written by hand in tables."""
    return f"FastAPI, whole job, {NAMES[engine]}, {processes} proc."


def measure_over_http(rig: Rig, pace: Pace, serving: Serving, *, action: str, size: int) -> Sample:
    """Measure a server over HTTP, one kept connection for each request in flight."""
    with serving(rig) as served:
        return measure(served, pace, Demand(action=action, in_flight=IN_FLIGHT, size=size))


def _jobs(pace: Pace) -> dict[str, Serving]:
    """Return what does the whole job, by its name in tables."""
    servers: dict[str, Serving] = {}
    engines: tuple[Engine, ...] = ("sqlite", "postgresql")
    for engine in engines:
        servers[over_rabbitmq(engine)] = partial(gateway, engine=engine, direct=False, processes=1)
        servers[direct(engine)] = partial(gateway, engine=engine, direct=True, processes=0)
        for processes in pace.some((1, 2)):
            servers[by_hand(engine, processes)] = partial(fastapi_job, engine=engine, processes=processes)
    return servers


def _lines(pace: Pace) -> list[Line]:
    echo = partial(measure_over_http, serving=fastapi_echo, action="echo", size=SIZE)
    lines = [Line(who=ECHO, setting=SETTING, run=echo, seconds=1.0)]
    for who, serving in _jobs(pace).items():
        run = partial(measure_over_http, serving=serving, action="create_task", size=16)
        lines.append(Line(who=who, setting=SETTING, run=run, seconds=2.0))
    return lines


CASE: Final = Case(
    name="http",
    title="Over HTTP: the whole job by our gateway and by hand in FastAPI, and FastAPI's bare echo; load in C",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
    most_rounds=3,
)
