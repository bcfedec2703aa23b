"""The targets for the figures, as data, and whether they are reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.figures import Figures, Place, ratio

_OURS_SQLITE: Final = "taskmanager, SQLite, 1 proc."
_OURS_POSTGRESQL: Final = "taskmanager, PostgreSQL, 2 proc."
_FIRST: Final = "first version's shape, SQLite"
_64: Final = "64 in flight"
_256: Final = "256 in flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure, or its ratio to another one, and its bound.

    Attributes:
        text: description of the target.
        of: the figure.
        to: the figure by which it is divided; None if the figure itself is bounded.
        least: lower bound; None if the bound is ``most``.
        most: upper bound.
    """

    text: str
    of: Place
    to: Place | None = None
    least: float | None = None
    most: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words."""
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and the measured value; without a value, it was not measured."""

    target: Target
    value: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the bound holds; None if there is no value."""
        if self.value is None:
            return None
        if self.target.least is not None:
            return self.value >= self.target.least
        return self.target.most is not None and self.value <= self.target.most

    @property
    def word(self) -> str:
        """The verdict in words."""
        return {True: "reached", False: "**not reached**", None: "not measured"}[self.reached]


def verdicts(figures: Figures) -> list[Verdict]:
    """Compare the figures with all targets."""
    return [Verdict(target, value_of(target, figures)) for target in TARGETS]


def value_of(target: Target, figures: Figures) -> float | None:
    """Return the figure or the ratio that a target bounds; None if it was not measured."""
    found = figures.spread(target.of)
    if target.to is None:
        return found.median if found else None
    return ratio(found, figures.spread(target.to))


def _echo(setting: str) -> list[Target]:
    ours = Place("echo", "leveret", setting)
    bounds = {"the C worker": ("C worker", 0.8), "aio-pika": ("aio-pika", 6.0), "FastStream": ("FastStream", 8.0)}
    return [
        Target(text=f"echo, our worker, {setting}: times {name}", of=ours, to=Place("echo", who, setting), least=least)
        for name, (who, least) in bounds.items()
    ]


def _job(ours: str, setting: str, shape: float, echo: float) -> list[Target]:
    of = Place("job", ours, setting)
    name = f"whole job, {ours.split(', ')[1]}, {setting}"
    return [
        Target(text=f"{name}: times the first version's shape", of=of, to=Place("job", _FIRST, setting), least=shape),
        Target(
            text=f"{name}: times FastStream's bare echo", of=of, to=Place("echo", "FastStream", setting), least=echo
        ),
    ]


def _by_hand(engine: str, processes: int) -> Target:
    return Target(
        text=f"over HTTP, gateway --direct, {engine}, 64 in flight: times the job in FastAPI, {processes} proc.",
        of=Place("http", f"gateway --direct, {engine}", _64),
        to=Place("http", f"FastAPI, whole job, {engine}, {processes} proc.", _64),
        least=1.0,
    )


def _rows(who: str) -> Target:
    few, many = Place("rows", who, "10,000 rows"), Place("rows", who, "5,000,000 rows")
    return Target(text=f"{who}: rate with 5,000,000 rows, times that with 10,000", of=many, to=few, least=0.9)


TARGETS: Final = (
    *_echo(_64),
    *_echo(_256),
    Target(
        text="echo, our client and worker: times FastStream's",
        of=Place("clients", "leveret", _64),
        to=Place("clients", "FastStream", _64),
        least=20.0,
    ),
    Target(
        text="echo, our client and worker: times C to C",
        of=Place("clients", "leveret", _64),
        to=Place("clients", "C client and worker", _64),
        least=0.6,
    ),
    *_job(_OURS_SQLITE, _64, 28.0, 2.5),
    *_job(_OURS_POSTGRESQL, _256, 20.0, 2.0),
    Target(
        text="replay, SQLite, 64 in flight: times the whole job",
        of=Place("replay", _OURS_SQLITE, _64),
        to=Place("job", _OURS_SQLITE, _64),
        least=1.3,
    ),
    Target(
        text="over HTTP, the gateway over RabbitMQ, SQLite, 64 in flight: times FastAPI's bare echo",
        of=Place("http", "gateway over RabbitMQ, SQLite", _64),
        to=Place("http", "FastAPI, bare echo", _64),
        least=0.5,
    ),
    *(_by_hand(engine, processes) for engine in ("SQLite", "PostgreSQL") for processes in (1, 2)),
    Target(
        text="metrics, whole job, SQLite, 64 in flight: % of the rate",
        of=Place("observing", "taskmanager, SQLite, with metrics", _64, "rate_cost"),
        most=1.0,
    ),
    Target(
        text="one in flight, whole job, SQLite, p50: times that of the C echo",
        of=Place("latency", _OURS_SQLITE, "one in flight", "p50_ms"),
        to=Place("latency", "echo, C worker", "one in flight", "p50_ms"),
        most=2.2,
    ),
    Target(
        text="memory of a worker after 1,000,000 requests, MB",
        of=Place("memory", "taskmanager, SQLite, 1 proc.", "1,000,000 requests", "held_mb"),
        most=80.0,
    ),
    Target(
        text="its growth over the second half of them, MB (no slope)",
        of=Place("memory", "taskmanager, SQLite, 1 proc.", "1,000,000 requests", "growth_mb"),
        most=1.0,
    ),
    Target(
        text="start to the first consumed request, seconds",
        of=Place("start", "start to first reply", "seconds", "seconds"),
        most=1.0,
    ),
    _rows(_OURS_SQLITE),
    _rows(_OURS_POSTGRESQL),
)
"""All targets, for the medians of one run of the bench on 2 cores."""
