"""Scale: worker processes, sizes of bodies, requests in flight, and client connections."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace
from bench.cases.echo import WHO, measure_echo
from bench.cases.whole_job import measure_job, name_of
from bench.databases import Engine
from bench.echoing import NATIVE

OURS: Final[Engine] = "sqlite"

ROUNDS: Final = 3
"""Rounds of these cases; there are few, because the cases have many settings."""


def _processes(pace: Pace) -> list[Line]:
    return [
        Line(
            who="taskmanager, PostgreSQL",
            setting=f"{count} proc.",
            run=partial(measure_job, engine="postgresql", in_flight=256, processes=count),
            seconds=3.0,
        )
        for count in pace.some((1, 2, 4))
    ]


def _sizes(pace: Pace) -> list[Line]:
    named = {64: "64 B", 1024: "1 KiB", 65536: "64 KiB", 204800: "200 KiB"}
    return [
        Line(who=f"echo, {WHO[who]}", setting=named[size], run=partial(measure_echo, who=who, in_flight=16, size=size))
        for size in pace.some(tuple(named))
        for who in (NATIVE, "leveret_peer", "aio_pika_peer")
    ]


def _in_flight(pace: Pace) -> list[Line]:
    lines = []
    for count in pace.some((1, 8, 64, 256, 1000)):
        setting = f"{count} in flight"
        lines.append(Line(who=name_of(OURS), setting=setting, run=partial(measure_job, engine=OURS, in_flight=count)))
        for who in (NATIVE, "leveret_peer"):
            run = partial(measure_echo, who=who, in_flight=count)
            lines.append(Line(who=f"echo, {WHO[who]}", setting=setting, run=run))
    return lines


def _connections(pace: Pace) -> list[Line]:
    lines = []
    for count in pace.some((1, 10, 100)):
        setting = f"{count} client" + ("s" if count > 1 else "")
        run = partial(measure_job, engine=OURS, in_flight=100, clients=count)
        lines.append(Line(who=name_of(OURS), setting=setting, run=run))
        for who in (NATIVE, "leveret_peer"):
            echo = partial(measure_echo, who=who, in_flight=100, clients=count)
            lines.append(Line(who=f"echo, {WHO[who]}", setting=setting, run=echo))
    return lines


PROCESSES: Final = Case(
    name="processes",
    title="The whole job by worker processes, 256 in flight, on 2 cores",
    lines=_processes,
    most_rounds=ROUNDS,
)
SIZES: Final = Case(
    name="sizes", title="Echo by bytes of text in a request, 16 in flight", lines=_sizes, most_rounds=ROUNDS
)
IN_FLIGHT: Final = Case(
    name="in-flight", title="The whole job and the echo by requests in flight", lines=_in_flight, most_rounds=ROUNDS
)
CONNECTIONS: Final = Case(
    name="connections",
    title="The whole job and the echo by client connections, 100 in flight together",
    lines=_connections,
    most_rounds=ROUNDS,
)
