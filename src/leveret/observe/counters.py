"""Counts what becomes of requests, and how long each part of their way takes."""

from __future__ import annotations

import random
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from leveret.observe.observers import Sampler
from leveret.observe.outcome_words import OutcomeWord, outcome_word
from leveret.observe.records import Begun, Committed, Ended, Record, Settled, Subject
from leveret.observe.totals import SECONDS, SIZES, Spread, Totals
from leveret.outcome import Answer

UNKNOWN: Final = "-"
"""The action of requests that name none that the application has: strangers must not invent names of counters."""

MEASURED: Final = 100
"""Requests of each second whose parts are measured in any case."""

ONE_OF: Final = 64
"""Of the further requests of a second, one of that many is measured, and counts for all of them."""


_OK: Final = OutcomeWord.OK  # to ask the class takes longer than to count


class Counters(Sampler):
    """An observer that counts. A worker that has one also tells it of batches and of sessions with the broker.

    Every request is counted when it is settled, with its outcome and the time that it took altogether. The parts of its
    way are measured for a sample: for the first ``MEASURED`` requests of each second, and then for one of ``ONE_OF``,
    which counts that many times. So at a low rate every request counts, and at a high rate few requests cost more.

    Threads of lanes only note moments of a request, each request in one thread at a time. Everything is added up in the
    event loop, when the request is settled; so no request needs a lock.

    Args:
        actions: version and name of each action, such as ``v1.create_task``.
        names_held: whether it has to be able to name the requests in hand.
        clock: seconds of a clock that never goes back.
    """

    def __init__(
        self, actions: Iterable[str], *, names_held: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._names_held = names_held
        self.chosen: dict[int, _Moments] = {}
        self._requests = {name: dict.fromkeys(OutcomeWord, 0) for name in (*actions, UNKNOWN)}
        self._unknown = self._requests[UNKNOWN]
        self._held: dict[int, Subject] = {}  # by delivery tag, oldest first
        self._waiting, self._handling, self._commit, self._total = (_Buckets(SECONDS) for _ in range(4))
        self._batches, self._lock = _Buckets(SIZES), threading.Lock()
        self._sample = _Sample(clock)
        self._sessions = 0

    def admit(self, subjects: Sequence[Subject]) -> None:
        """Remember that requests are in hand, and choose those whose parts are measured."""
        if self._names_held:
            self._held.update({each.delivery.delivery_tag: each for each in subjects})
        for each, weight in self._sample.of(subjects):
            self.chosen[each.delivery.delivery_tag] = _Moments(each, weight)

    def __call__(self, record: Record) -> None:
        """Note when a chosen request passes a point."""
        moments = self.chosen.get(record.subject.delivery.delivery_tag)
        if moments is None or moments.subject is not record.subject:  # of a session that was lost
            return
        kind = type(record)
        if kind is Begun:
            moments.begun = record.at
        elif kind is Ended:
            moments.ended = record.at
        elif kind is Committed:
            moments.committed = record.at

    def settle(self, records: Sequence[Settled]) -> None:
        """Count requests with their outcomes."""
        usual = [
            record.subject.action
            for record in records
            if type(outcome := record.outcome) is Answer and outcome.code is None and not outcome.replayed
        ]  # without a call for each, which would take longer than to count
        self._count(usual)
        for record in records if len(usual) < len(records) else ():
            if (word := outcome_word(record.outcome)[0]) is not _OK:
                self._requests.get(record.subject.action, self._unknown)[word] += 1
        if self._held or self.chosen:
            self._forget([each.subject.delivery.delivery_tag for each in records])
        self._total.add_all([record.at - record.subject.arrived for record in records])

    def _count(self, actions: Sequence[str]) -> None:
        """Count requests with the usual outcome; those that settle together have one action, as a rule."""
        if actions and actions.count(actions[0]) == len(actions):
            self._requests.get(actions[0], self._unknown)[_OK] += len(actions)
        else:
            for action in actions:
                self._requests.get(action, self._unknown)[_OK] += 1

    def _forget(self, tags: Sequence[int]) -> None:
        held, chosen = self._held, self.chosen
        for tag in tags if held else ():
            held.pop(tag, None)
        for tag in [tag for tag in tags if tag in chosen]:
            self._measure(chosen.pop(tag))

    def batch(self, size: int) -> None:
        """Count a batch that a lane takes; in the thread of the lane."""
        with self._lock:
            self._batches.add(size)

    def begin_session(self) -> None:
        """Forget the requests in hand, because a new session with the broker begins; it delivers them again."""
        self._sessions += 1
        self._held.clear()
        self.chosen.clear()

    def totals(self) -> Totals:
        """Return what was counted so far; in the event loop."""
        with self._lock:
            batches = self._batches.spread()
        counts = {
            name: {word.value: count for word, count in words.items() if count}
            for name, words in self._requests.items()
        }
        return Totals(
            requests={name: words for name, words in counts.items() if words},
            waiting=self._waiting.spread(),
            handling=self._handling.spread(),
            commit=self._commit.spread(),
            total=self._total.spread(),
            batches=batches,
            reconnects=max(self._sessions - 1, 0),
        )

    def held(self, most: int) -> list[Subject]:
        """Return the requests in hand, the oldest ones first, but not more than ``most``; in the event loop.

        There are none without ``names_held``.
        """
        return list(islice(self._held.values(), most))

    def _measure(self, moments: _Moments) -> None:
        if not moments.begun:
            return
        weight = moments.weight
        self._waiting.add(moments.begun - moments.subject.arrived, weight)
        if moments.ended:
            self._handling.add(moments.ended - moments.begun, weight)
            if moments.committed > moments.ended:  # an `async def` action commits before it ends
                self._commit.add(moments.committed - moments.ended, weight)


class _Sample:
    """Chooses requests: the first ``MEASURED`` of each second, and one of ``ONE_OF`` of the others."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second, self._left = -1, 0
        self._steps = _steps()
        self._skip = next(self._steps)

    def of(self, subjects: Sequence[Subject]) -> Iterator[tuple[Subject, int]]:
        """Yield the chosen ones, and for how many requests each of them counts."""
        if (second := int(self._clock())) != self._second:
            self._second, self._left = second, MEASURED
        if self._left:
            first, subjects = subjects[: self._left], subjects[self._left :]
            self._left -= len(first)
            yield from ((each, 1) for each in first)
        while self._skip < len(subjects):
            yield subjects[self._skip], ONE_OF
            self._skip += next(self._steps)
        self._skip -= len(subjects)


def _steps() -> Iterator[int]:
    """Yield the steps from one chosen request to the next, so that one is chosen of each ``ONE_OF``.

    It is at a random place among them: a fixed distance could always meet the same place of a batch.
    """
    former = ONE_OF
    while True:
        place = random.randrange(ONE_OF)  # noqa: S311 - it chooses a sample, and protects nothing
        yield ONE_OF - former + place
        former = place


class _Moments(Struct, gc=False):
    """When a request passed points of its way, in seconds of ``time.monotonic``; 0 for not yet."""

    subject: Subject
    weight: int
    begun: float = 0.0
    ended: float = 0.0
    committed: float = 0.0


class _Buckets:
    """Counts values in buckets."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float, weight: int = 1) -> None:
        self._counts[bisect_left(self._bounds, value)] += weight
        self._sum += value * weight

    def add_all(self, values: Sequence[float]) -> None:
        counts, bounds = self._counts, self._bounds
        if not values:
            return
        first = bisect_left(bounds, min(values))
        if first == bisect_left(bounds, max(values)):  # requests that settle together took equally long, as a rule
            counts[first] += len(values)
        else:
            for value in values:
                counts[bisect_left(bounds, value)] += 1
        self._sum += sum(values)

    def spread(self) -> Spread:
        return Spread(tuple(self._counts), self._sum)
