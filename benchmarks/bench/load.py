"""Compiles and runs the load generator in C, and reads its line of figures."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from bench.case import RunFailed, Sample, Usage
from bench.processes import Meter
from bench.programs import EndedProgram, run_to_end
from bench.rig import Rig

SOURCES: Final = Path(__file__).parents[1] / "load"
WARNINGS: Final = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow")
LONGEST: Final = 900.0
"""Seconds that a load may take; it ends sooner if no more replies come."""

HTTP: Final = "http"
"""Exchange of an address that is a path of a server over HTTP."""

SILENCE: Final = 30.0
"""Seconds without a reply after which a load gives up."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The figures of one load, and the usage of the load generator itself."""

    figures: Mapping[str, float]
    usage: Usage

    @property
    def values(self) -> dict[str, float]:
        """Rate and quantiles, by the names in `UNITS`."""
        names = {"rate": "replies_per_second", "p50_ms": "p50_ms", "p99_ms": "p99_ms", "p999_ms": "p999_ms"}
        return {name: self.figures[theirs] for name, theirs in names.items()}

    def sample(self, meter: Meter, **further: float) -> Sample:
        """Make a sample of these figures and of the usage of all processes."""
        return Sample(values={**self.values, **further}, processes={**meter.usages, "load": self.usage})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where requests go, and the token that they carry.

    Attributes:
        exchange: exchange at the broker, or ``HTTP``.
        routing_key: routing key at the broker, or the path of a server over HTTP.
        token: the token.
        port: port of that server; 0 for the broker's.
    """

    exchange: str = ""
    routing_key: str
    token: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The options of the load generator; an option that is 0 or "" is left out.

    Attributes:
        action: an action of the application, `echo` or `mixed`.
        seconds: how long requests are sent.
        count: how many requests are sent, instead of a time.
        in_flight: how many requests are without a reply at any time.
        rate: how many requests are sent a second, whether replies come or not; replaces `in_flight`.
        clients: number of connections.
        prefix: prefix of the ids.
        again: whether ids are used that were used before.
        scatter: whether ids begin with random digits, as UUIDs do, so that they are spread over an index.
        backlog: whether all requests have to wait at the broker before the first reply is awaited.
        size: bytes of text in a request.
        tasks: highest id of the tasks that reads ask for; the lowest is 1.
        seed: seed of everything random.
        limit: seconds without a reply after which the load is given up.
    """

    action: str = "create_task"
    seconds: float = 0.0
    count: int = 0
    in_flight: int = 64
    rate: float = 0.0
    clients: int = 1
    prefix: str = ""
    again: bool = False
    scatter: bool = False
    backlog: bool = False
    size: int = 16
    tasks: int = 1
    seed: int = 1
    limit: float = SILENCE

    def options(self) -> list[str]:
        """Return the demand as options of the command."""
        words: list[str] = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value:
                words += [f"--{each.name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return words


def build_load(folder: Path) -> Path:
    """Compile the load generator into a folder and return the program.

    Raises:
        SystemExit: the program cannot be compiled; the text says what is needed.
    """
    program = folder / "load"
    sources = sorted(map(str, SOURCES.glob("*.c")))
    try:
        subprocess.run(["cc", "-O2", *WARNINGS, "-o", str(program), *sources, "-lrabbitmq"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"cannot compile {SOURCES.name}/*.c ({error}): install a C compiler and librabbitmq-dev"
        ) from error
    return program


def ask(rig: Rig, to: Address, demand: Demand, *, limit: float = LONGEST) -> Answers:
    """Send requests, and return the figures.

    Raises:
        RunFailed: a reply was missing, wrong, an error or a duplicate, or the load took longer than the limit.
    """
    command = load_command(rig, to, demand)
    return read_answers(run_to_end(command, rig.environment | {"TOKEN": to.token}, limit=limit))


def load_command(rig: Rig, to: Address, demand: Demand) -> list[str]:
    """Return the command that sends the requests."""
    return [str(rig.program), str(to.port or rig.port), to.exchange, to.routing_key, *demand.options()]


def read_answers(ended: EndedProgram) -> Answers:
    """Read the output of the load generator.

    Raises:
        RunFailed: the output reports missing or wrong replies, or cannot be read.
    """
    try:
        figures = json.loads(ended.output)
    except ValueError:
        raise RunFailed(f"the load ended with {ended.code}: {ended.errors.strip()[-2000:]}") from None
    kinds = [f"{figures[kind]:g} {kind}" for kind in ("missing", "wrong", "duplicates", "errors") if figures[kind]]
    if kinds or ended.code != 0:
        raise RunFailed(f"of {figures['sent']} replies {', '.join(kinds)}: {ended.errors.strip()[-2000:]}")
    numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    return Answers(numbers, ended.usage)
