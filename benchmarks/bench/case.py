"""Cases that are measured, their lines, and the sample that a run of a line returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.rig import Rig

UNITS: Final = {
    "rate": "replies/s",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "p999_ms": "p99.9, ms",
    "seconds": "seconds",
    "held_mb": "after them, MB",
    "peak_mb": "peak, MB",
    "growth_mb": "growth, MB",
    "rate_cost": "of the rate, %",
    "rate_error": "exact to, %",
    "cpu_us": "worker's CPU, us/reply",
    "cpu_cost_us": "of that for this, us",
    "cpu_error_us": "exact to, us",
}
"""Figures that a run may have, and their names in tables."""


class RunFailed(Exception):
    """A run does not count: a reply was missing or wrong, the database disagrees, or a program failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPU time of the processes of one kind during a run, and the largest memory that they held together."""

    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The result of one run: figures by their names in ``UNITS``, and the usage of each kind of process."""

    values: Mapping[str, float]
    processes: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much the bench does: everything, for figures, or a little of it, to see that the bench works.

    Attributes:
        rounds: number of runs of each line.
        seconds: seconds of measuring in a run.
        warm_up: seconds of load before that; its replies are checked too.
        tasks: number of rows that reads find.
        few: number of rows in each table of a small database.
        many: number of rows in each table of a large database.
        backlog: number of requests that wait.
        million: number of requests after which a worker's memory is measured.
        probe: number of calls of a peer's own client that decide how many calls a run makes.
        thorough: whether all settings of a scale are measured, and not only its ends.
    """

    rounds: int = 5
    seconds: float = 2.0
    warm_up: float = 0.5
    tasks: int = 1_000_000
    few: int = 10_000
    many: int = 5_000_000
    backlog: int = 200_000
    million: int = 1_000_000
    probe: int = 300
    thorough: bool = True

    def some(self, settings: Sequence[int]) -> Sequence[int]:
        """Return the settings of a scale; at the quick pace only the first and the last, or the first of two."""
        if self.thorough:
            return settings
        return (settings[0], settings[-1]) if len(settings) > 2 else settings[:1]


FULL: Final = Pace()
QUICK: Final = Pace(
    rounds=1,
    seconds=0.2,
    warm_up=0.05,
    tasks=2_000,
    few=1_000,
    many=5_000,
    backlog=2_000,
    million=3_000,
    probe=30,
    thorough=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a case in one setting.

    Attributes:
        who: name of what is measured.
        setting: name of the setting.
        run: makes one run.
        seconds: planned seconds of a run for starting, stopping and verifying.
        measured: planned seconds of the load; None for those of the pace.
    """

    who: str
    setting: str
    run: Callable[[Rig, Pace], Sample]
    seconds: float = 1.0
    measured: float | None = None

    def planned(self, pace: Pace) -> float:
        """Return the planned seconds of a run."""
        return self.seconds + (pace.warm_up + pace.seconds if self.measured is None else self.measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Lines that are compared with each other, and whose runs therefore alternate.

    Attributes:
        name: short name, for the command line and the JSON.
        title: description of the work.
        lines: returns the lines for a pace.
        shown: names of the figures in the table; the first one is the most important.
        most_rounds: maximum number of rounds, if the runs are long or many.
        prepare: planned seconds for the preparation before the first run.
    """

    name: str
    title: str
    lines: Callable[[Pace], Sequence[Line]]
    shown: Sequence[str] = ("rate",)
    most_rounds: int | None = None
    prepare: float = 0.0

    def rounds(self, pace: Pace) -> int:
        """Return how often each line is run."""
        return min(pace.rounds, self.most_rounds or pace.rounds)

    def planned(self, pace: Pace) -> float:
        """Return the planned seconds of the case."""
        preparing = self.prepare if pace.thorough else min(self.prepare, 1.0)
        return preparing + self.rounds(pace) * sum(line.planned(pace) for line in self.lines(pace))
