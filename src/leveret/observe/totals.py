"""What a worker process has counted since it started, as values that can be sent and added up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the buckets for durations, in seconds."""

SIZES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""Upper bounds of the buckets for the sizes of batches, in requests."""


class Spread(Struct, frozen=True):
    """How values are spread over buckets: a histogram.

    Attributes:
        counts: how many values were at most each bound and above the one before; the last is above all bounds.
        sum: the sum of all values.
    """

    counts: tuple[int, ...]
    sum: float = 0.0

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def plus(self, other: Spread) -> Spread:
        """Return both together; they must have the same buckets."""
        return Spread(tuple(map(sum, zip(self.counts, other.counts, strict=True))), self.sum + other.sum)


NO_SECONDS: Final = Spread((0,) * (len(SECONDS) + 1))
NO_SIZES: Final = Spread((0,) * (len(SIZES) + 1))


class Totals(Struct, frozen=True, kw_only=True):
    """What one process or several have counted.

    Attributes:
        requests: how many deliveries were settled, by action (``v1.create_task``, or ``-``) and outcome.
        waiting: seconds from the arrival of a request to its beginning.
        handling: seconds that actions took.
        commit: seconds from the end of an action to its commit.
        total: seconds from the arrival of a request until its outcome was safe.
        batches: how many requests lanes took at once.
        reconnects: how often the broker was connected again after a connection was lost.
    """

    requests: Mapping[str, Mapping[str, int]] = {}
    waiting: Spread = NO_SECONDS
    handling: Spread = NO_SECONDS
    commit: Spread = NO_SECONDS
    total: Spread = NO_SECONDS
    batches: Spread = NO_SIZES
    reconnects: int = 0

    def plus(self, other: Totals) -> Totals:
        """Return what both have counted together."""
        return Totals(
            requests={
                action: _added(self.requests.get(action, {}), other.requests.get(action, {}))
                for action in {**self.requests, **other.requests}
            },
            waiting=self.waiting.plus(other.waiting),
            handling=self.handling.plus(other.handling),
            commit=self.commit.plus(other.commit),
            total=self.total.plus(other.total),
            batches=self.batches.plus(other.batches),
            reconnects=self.reconnects + other.reconnects,
        )

    def outcomes(self, outcome: str) -> int:
        """Return how many deliveries had an outcome, of all actions."""
        return sum(counts.get(outcome, 0) for counts in self.requests.values())


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return {outcome: one.get(outcome, 0) + other.get(outcome, 0) for outcome in {**one, **other}}
