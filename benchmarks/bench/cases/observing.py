"""What observing costs: the whole job in two workers, of which one counts or records; they take turns."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.load import Demand
from bench.processes import exact_cpu_seconds
from bench.rig import Rig
from bench.taskmanager import OurWorker, on_new_database
from leveret.observe.recorder.folder import LOCK_SUFFIX, default_folder, files_of

WAYS: Final[Mapping[str, Mapping[str, str]]] = {
    "with neither": {},
    "with metrics": {"TASKMANAGER_METRICS_PORT": "0"},
    "with flight recorder": {"TASKMANAGER_RECORDER": "on"},
}
"""The settings of the worker that is compared with one that has none.

The first one shows how exact the comparison is: two equal workers cost each other nothing.
"""

TURNS: Final = 24
"""How often each of two workers is put under load in a run; once at the quick pace."""

SHARE: Final = 1 / 8
"""How long a turn is, as a share of the pace's seconds: short, so that both turns of a pair meet the same machine."""

EQUAL: Final[Mapping[str, str]] = {"PYTHONHASHSEED": "0"}
"""Settings of both workers: where names stand in Python's tables makes two equal processes differ by a percent."""

IN_FLIGHT: Final = 64

TAIL: Final = 0.025
"""The chance that a true median lies below the interval that is told, and that it lies above."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The load of one worker in one turn: replies per second, number of replies, and CPU seconds of the worker."""

    rate: float
    replies: float
    cpu: float

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU time for each reply."""
        return self.cpu / self.replies * 1e6


def measure_way(rig: Rig, pace: Pace, variables: Mapping[str, str]) -> Sample:
    """Put a worker with these settings and one without them under load in turns.

    The turns are short and close together, so that whatever else the machine does meets both workers.
    """
    with (
        on_new_database(rig, "sqlite", variables=EQUAL) as bare,
        on_new_database(rig, "sqlite", variables={**EQUAL, **variables}) as observed,
    ):
        for each in (bare, observed):
            each.ask(Demand(seconds=pace.warm_up, in_flight=IN_FLIGHT))
        pairs: list[tuple[Turn, Turn]] = []
        for number in range(TURNS if pace.thorough else 1):
            if number % 2:  # who comes second meets a broker that has just worked
                later = _turn(observed, pace)
                pairs.append((_turn(bare, pace), later))
            else:
                pairs.append((_turn(bare, pace), _turn(observed, pace)))
    _remove_recording(observed.server.pid)
    return Sample(values=values_of(pairs))


def values_of(pairs: Sequence[tuple[Turn, Turn]]) -> dict[str, float]:
    """Return the figures of pairs of turns: without observers, and with one.

    Rate and CPU time are compared within each pair, and the median of all pairs counts: it is robust against turns that
    were disturbed. How exact a median is, is told where there are enough pairs.
    """
    rates = [(1 - after.rate / before.rate) * 100 for before, after in pairs]
    costs = [after.cpu_us - before.cpu_us for before, after in pairs]
    return {
        "rate": statistics.median(after.rate for _, after in pairs),
        "rate_cost": statistics.median(rates),
        **_named("rate_error", half_width(rates)),
        "cpu_us": statistics.median(after.cpu_us for _, after in pairs),
        "cpu_cost_us": statistics.median(costs),
        **_named("cpu_error_us", half_width(costs)),
    }


def half_width(values: Sequence[float]) -> float | None:
    """Return half of the interval in which the true median lies with 95 %; None for fewer than six values.

    It lies between two of the values in their order, whatever their distribution is: by the binomial distribution that
    of chance, to each side of which a value falls as often (Conover, "Practical Nonparametric Statistics", 3.2).
    """
    ordered, count = sorted(values), len(values)
    outside, chance = 0, 1 / 2**count
    while outside < count // 2 and chance <= TAIL:
        outside += 1
        chance += math.comb(count, outside) / 2**count
    return (ordered[count - outside] - ordered[outside - 1]) / 2 if outside else None


def _named(name: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {name: value}


def _turn(served: OurWorker, pace: Pace) -> Turn:
    before = exact_cpu_seconds(served.server.pid)
    answers = served.ask(Demand(seconds=pace.seconds * SHARE, in_flight=IN_FLIGHT))
    used = exact_cpu_seconds(served.server.pid) - before
    return Turn(answers.values["rate"], answers.figures["replies"], used)


def _remove_recording(process: int) -> None:
    """Remove the recording of a process that has ended: it stays for an operator, and nobody wants this one."""
    for each in files_of(default_folder(), "taskmanager"):
        if each.header.pid == process:
            each.path.unlink(missing_ok=True)
            each.path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)


def _lines(pace: Pace) -> list[Line]:
    seconds = pace.warm_up * 2 + pace.seconds * SHARE * 2 * (TURNS if pace.thorough else 1)
    return [
        Line(
            who=f"taskmanager, SQLite, {name}",
            setting=f"{IN_FLIGHT} in flight",
            run=partial(measure_way, variables=variables),
            seconds=4.0,
            measured=seconds,
        )
        for name, variables in WAYS.items()
    ]


CASE: Final = Case(
    name="observing",
    title="What metrics and flight recorder cost: the whole job with and without them, in turns",
    lines=_lines,
    shown=("rate", "rate_cost", "rate_error", "cpu_us", "cpu_cost_us", "cpu_error_us"),
    most_rounds=2,
)
