"""What observing costs: the whole job in two workers, of which one counts or records; they take turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.case import Case, Line, Pace, Sample
from bench.load import Demand
from bench.processes import cpu_seconds
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

TURNS: Final = 6
"""How often each of two workers is put under load in a run; once at the quick pace."""

IN_FLIGHT: Final = 64


@dataclass(frozen=True, slots=True)
class Turn:
    """The load of one worker in one turn: replies per second, number of replies, and CPU seconds of the worker."""

    rate: float
    replies: float
    cpu: float


def measure_way(rig: Rig, pace: Pace, variables: Mapping[str, str]) -> Sample:
    """Put a worker with these settings and one without them under load in turns.

    The turns are short and close together, so that whatever else the machine does meets both workers.
    """
    with (
        on_new_database(rig, "sqlite") as bare,
        on_new_database(rig, "sqlite", variables=variables) as observed,
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

    The rate is compared within each pair, and the median of all pairs counts: it is robust against turns that were
    disturbed. CPU time is compared as a sum, because the clock of ``/proc`` is coarse.
    """
    bare, observed = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratio = statistics.median(after.rate / before.rate for before, after in pairs)
    return {
        "rate": statistics.median(turn.rate for turn in observed),
        "rate_cost": (1 - ratio) * 100,
        "cpu_us": _cpu_us(observed),
        "cpu_cost_us": _cpu_us(observed) - _cpu_us(bare),
    }


def _cpu_us(turns: Sequence[Turn]) -> float:
    return sum(turn.cpu for turn in turns) / sum(turn.replies for turn in turns) * 1e6


def _turn(served: OurWorker, pace: Pace) -> Turn:
    before = cpu_seconds(served.server.pid)
    answers = served.ask(Demand(seconds=pace.seconds / 2, in_flight=IN_FLIGHT))
    used = cpu_seconds(served.server.pid) - before
    return Turn(answers.values["rate"], answers.figures["replies"], used)


def _remove_recording(process: int) -> None:
    """Remove the recording of a process that has ended: it stays for an operator, and nobody wants this one."""
    for each in files_of(default_folder(), "taskmanager"):
        if each.header.pid == process:
            each.path.unlink(missing_ok=True)
            each.path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)


def _lines(pace: Pace) -> list[Line]:
    seconds = pace.warm_up * 2 + pace.seconds * (TURNS if pace.thorough else 1)
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
    shown=("rate", "rate_cost", "cpu_us", "cpu_cost_us"),
    most_rounds=2,
)
