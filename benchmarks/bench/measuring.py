"""One run of a worker: warm up, then measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from bench.case import Pace, Sample
from bench.load import Answers, Demand
from bench.processes import Meter
from bench.rig import Rig


class Served(Protocol):
    """A worker that can be asked."""

    @property
    def roots(self) -> Mapping[str, int]:
        """The first process of each kind."""

    def ask(self, demand: Demand) -> Answers:
        """Send requests."""


Serve = Callable[[Rig], AbstractContextManager[Served]]
"""Runs a worker for a block."""


def measure(served: Served, pace: Pace, demand: Demand) -> Sample:
    """Ask for a short while without measuring, then measure; every reply of both is checked."""
    served.ask(replace(demand, seconds=pace.warm_up))
    with Meter(served.roots) as meter:
        answers = served.ask(replace(demand, seconds=pace.seconds))
    return answers.sample(meter)


def measure_half(served: Served, pace: Pace, demand: Demand) -> Sample:
    """See how much a worker can do, then send half of that at a steady rate, whether replies come or not.

    The time of a reply is counted from the moment at which its request was due, so that a worker that stops for a while
    is charged for all requests that it kept waiting, and not for one.
    """
    served.ask(replace(demand, seconds=pace.warm_up))
    most = served.ask(replace(demand, seconds=max(pace.seconds / 2, pace.warm_up))).values["rate"]
    with Meter(served.roots) as meter:
        answers = served.ask(replace(demand, seconds=pace.seconds, rate=round(max(most / 2, 1.0), 1)))
    return answers.sample(meter)
