"""The load generator in C: compiled where it is needed, called, and its line of figures read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from bench.case import RunFailed, Sample, Usage
from bench.processes import Meter
from bench.programs import Ended, run_to_end
from bench.rig import Rig

SOURCES: Final = Path(__file__).parents[1] / "load"
WARNINGS: Final = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow")
LONGEST: Final = 900.0
"""Seconds that a load may take; what no longer answers is given up sooner."""

SILENCE: Final = 30.0
"""Seconds without a reply after which a load gives up."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one load saw: its line of figures, and what it took itself."""

    figures: Mapping[str, float]
    usage: Usage

    @property
    def values(self) -> dict[str, float]:
        """Rate and quantiles, as a run has them."""
        names = {"rate": "replies_per_second", "p50_ms": "p50_ms", "p99_ms": "p99_ms", "p999_ms": "p999_ms"}
        return {name: self.figures[theirs] for name, theirs in names.items()}

    def sample(self, meter: Meter, **further: float) -> Sample:
        """Join it with what the other processes took."""
        return Sample(values={**self.values, **further}, processes={**meter.usages, "load": self.usage})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where requests go: exchange and routing key, with the token that they carry."""

    exchange: str = ""
    routing_key: str
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked for, as the options of the load generator; 0 and "" leave one out.

    Attributes:
        action: of the application, `echo` or `mixed`.
        seconds: for so long.
        count: or so many requests.
        in_flight: so many without a reply at any time.
        rate: or so many a second, whether replies come or not.
        clients: connections.
        prefix: of the ids.
        again: ids that were used before.
        scatter: ids begin with random digits, as UUIDs do, so that they belong all over an index.
        backlog: all requests wait at the broker before the first reply is awaited.
        size: bytes of text in a request.
        tasks: reads ask for the tasks 1 to this one.
        seed: of what is random.
        limit: seconds without a reply after which it is given up.
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
        """Write it as options."""
        words: list[str] = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value:
                words += [f"--{each.name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return words


def build_load(folder: Path) -> Path:
    """Compile the load generator into a folder and return the program.

    Raises:
        SystemExit: it cannot be compiled; the text says what is needed.
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
    """Send requests and give what came of them.

    Raises:
        RunFailed: a reply was missing, wrong, an error or one too many, or it took longer than so many seconds.
    """
    command = load_command(rig, to, demand)
    return read_answers(run_to_end(command, rig.environment | {"TOKEN": to.token}, limit=limit))


def load_command(rig: Rig, to: Address, demand: Demand) -> list[str]:
    """Give the command that sends the requests."""
    return [str(rig.program), str(rig.port), to.exchange, to.routing_key, *demand.options()]


def read_answers(ended: Ended) -> Answers:
    """Read what the load generator wrote.

    Raises:
        RunFailed: it says that something was not as it has to be, or it says nothing.
    """
    try:
        figures = json.loads(ended.said)
    except ValueError:
        raise RunFailed(f"the load ended with {ended.code}: {ended.complained.strip()[-2000:]}") from None
    kinds = [f"{figures[kind]:g} {kind}" for kind in ("missing", "wrong", "duplicates", "errors") if figures[kind]]
    if kinds or ended.code != 0:
        raise RunFailed(f"of {figures['sent']} replies {', '.join(kinds)}: {ended.complained.strip()[-2000:]}")
    numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    return Answers(numbers, ended.usage)
