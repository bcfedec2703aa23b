"""Measures one run of a worker, after a warm-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from bench.case import Pace, Sample
from bench.load import Answers, Demand
from bench.processes import Meter
from bench.rig import Rig


class LoadTarget(Protocol):
    """A running worker that can be put under load."""

    @property
    def roots(self) -> Mapping[str, int]:
        """The first process of each kind."""

    def ask(self, demand: Demand) -> Answers:
        """Send requests."""


Serve = Callable[[Rig], AbstractContextManager[LoadTarget]]
"""Function that runs a worker while a block runs."""


def measure(served: LoadTarget, pace: Pace, demand: Demand) -> Sample:
    """Send requests for a short time without measuring, then measure; all replies are checked."""
    served.ask(replace(demand, seconds=pace.warm_up))
    with Meter(served.roots) as meter:
        answers = served.ask(replace(demand, seconds=pace.seconds))
    return answers.sample(meter)


def measure_half(served: LoadTarget, pace: Pace, demand: Demand) -> Sample:
    """Find the highest rate of a worker, then send half of that at a steady rate, whether replies come or not.

    The time of a reply is counted from the moment at which its request was due. So if a worker stops for a while, all
    requests that had to wait count, and not only one.
    """
    served.ask(replace(demand, seconds=pace.warm_up))
    most = served.ask(replace(demand, seconds=max(pace.seconds / 2, pace.warm_up))).values["rate"]
    with Meter(served.roots) as meter:
        answers = served.ask(replace(demand, seconds=pace.seconds, rate=round(max(most / 2, 1.0), 1)))
    return answers.sample(meter)
