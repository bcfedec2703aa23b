"""Echo: one request, one reply, no database, from the load generator in C."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.echoing import CONFIRMED, NATIVE, echoing
from bench.load import Demand
from bench.measuring import measure
from bench.rig import Rig

WHO: Final = {
    NATIVE: "C worker",
    "leveret_peer": "leveret",
    "aio_pika_peer": "aio-pika",
    CONFIRMED: "aio-pika, confirmed",
    "pika_peer": "pika",
    "faststream_peer": "FastStream",
}
SIZE: Final = 64
"""Bytes of text in a request."""


def measure_echo(rig: Rig, pace: Pace, who: str, *, in_flight: int, clients: int = 1, size: int = SIZE) -> Sample:
    """Measure a worker that answers with the request."""
    with echoing(rig, who) as echo:
        return measure(echo, pace, Demand(in_flight=in_flight, clients=clients, size=size))


def _lines(pace: Pace) -> list[Line]:
    return [
        Line(who=WHO[who], setting=f"{count} in flight", run=partial(measure_echo, who=who, in_flight=count))
        for count in pace.some((64, 256))
        for who in WHO
    ]


CASE: Final = Case(
    name="echo",
    title="Echo: one request, one reply, no database; load in C",
    lines=_lines,
    shown=("rate", "p50_ms", "p99_ms"),
)
