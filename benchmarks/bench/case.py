"""What is measured: cases, the lines of a case, and what one run of a line gave."""

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
}
"""The figures that a run may have, and how a table names them."""


class RunFailed(Exception):
    """A run that does not count: a reply was missing or wrong, the database disagrees, or a program failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the processes of one kind took during a run; ``peak_mb`` is what they held at most, all together."""

    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run gave: figures by the names in ``UNITS``, and what each kind of process took for it."""

    values: Mapping[str, float]
    processes: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much is done: in full for figures, or a little of everything to see that the bench works.

    Attributes:
        rounds: runs of each line.
        seconds: of measuring in a run.
        warm_up: seconds of load before that, with all its replies checked.
        tasks: rows that reads find.
        few: rows that a small database holds in each table.
        many: rows that a large one does.
        backlog: requests that wait.
        million: requests after which a worker's memory is looked at.
        probe: calls of a peer's own client from which the number for a run is reckoned.
        thorough: all settings of a scale, and not only its ends.
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
        """Give the settings of a scale; at the quick pace the first and the last, or of two the first."""
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
        who: is measured.
        setting: in which.
        play: makes one run.
        seconds: that a run is planned to take for starting, stopping and verifying.
        measured: seconds that it is planned to take for the load, where that is not what the pace says.
    """

    who: str
    setting: str
    play: Callable[[Rig, Pace], Sample]
    seconds: float = 1.0
    measured: float | None = None

    def planned(self, pace: Pace) -> float:
        """Seconds that a run is planned to take."""
        return self.seconds + (pace.warm_up + pace.seconds if self.measured is None else self.measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Lines that are compared, so their runs take turns.

    Attributes:
        name: short, for the command line and the JSON.
        title: what is done.
        lines: makes the lines for a pace.
        shown: the figures that the table shows, the first one foremost.
        most_rounds: more are not run, because they are long or many.
        prepare: seconds that are planned for what has to be there before the first run.
    """

    name: str
    title: str
    lines: Callable[[Pace], Sequence[Line]]
    shown: Sequence[str] = ("rate",)
    most_rounds: int | None = None
    prepare: float = 0.0

    def rounds(self, pace: Pace) -> int:
        """How often each line is run."""
        return min(pace.rounds, self.most_rounds or pace.rounds)

    def planned(self, pace: Pace) -> float:
        """Seconds that the case is planned to take."""
        preparing = self.prepare if pace.thorough else min(self.prepare, 1.0)
        return preparing + self.rounds(pace) * sum(line.planned(pace) for line in self.lines(pace))
