"""Figures from runs: medians, spreads, ratios, and the growth of memory; uses no process and no file."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.case import Sample


class Place(NamedTuple):
    """The place of a figure: case, line, setting and name."""

    case: str
    who: str
    setting: str
    figure: str = "rate"


class Spread(NamedTuple):
    """The median, the minimum and the maximum of a figure over some runs."""

    median: float
    least: float
    most: float
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a line in a round: its sample, or the reason why it does not count."""

    case: str
    who: str
    setting: str
    round: int
    sample: Sample | None = None
    failure: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """All runs; those that failed are in no figure."""

    runs: Sequence[Run] = field(default_factory=tuple)

    def of(self, case: str, who: str, setting: str) -> list[Sample]:
        """Return the samples of a line, without those of failed runs."""
        mine = (run for run in self.runs if (run.case, run.who, run.setting) == (case, who, setting))
        return [run.sample for run in mine if run.sample is not None]

    def spread(self, place: Place) -> Spread | None:
        """Return the spread of a figure over all rounds; None if no run has it."""
        samples = self.of(place.case, place.who, place.setting)
        return spread(sample.values[place.figure] for sample in samples if place.figure in sample.values)

    def cost(self, place: Place, kind: str) -> tuple[Spread, Spread] | None:
        """Return CPU seconds and peak memory, in MB, of a kind of process in a line."""
        used = [sample.processes[kind] for sample in self.of(*place[:3]) if kind in sample.processes]
        seconds, peaks = spread(usage.cpu_seconds for usage in used), spread(usage.peak_mb for usage in used)
        return (seconds, peaks) if seconds and peaks else None

    def failed(self, case: str, who: str = "", setting: str = "") -> list[Run]:
        """Return the failed runs of a case, or of one of its lines."""
        wanted = {"who": who, "setting": setting}
        return [
            run
            for run in self.runs
            if run.sample is None
            and run.case == case
            and all(not value or getattr(run, name) == value for name, value in wanted.items())
        ]


def spread(values: Iterable[float]) -> Spread | None:
    """Return median, minimum and maximum; None without any value."""
    found = sorted(values)
    return Spread(statistics.median(found), found[0], found[-1], len(found)) if found else None


def ratio(of: Spread | None, to: Spread | None) -> float | None:
    """Divide two medians; return None if one is not known, or if the second is 0."""
    return of.median / to.median if of and to and to.median else None


def growth(memory: Sequence[float]) -> float:
    """Return how much memory grows over the second half of some measurements, by the straight line that fits them best.

    One measurement more or less hardly changes the result, while it could change a difference of two measurements.
    """
    half = memory[len(memory) // 2 :]
    if len(half) < 2:
        return 0.0
    slope = statistics.linear_regression(range(len(half)), half).slope
    return slope * (len(half) - 1)
