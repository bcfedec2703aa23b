"""Counts what becomes of requests, and how long each part of their way takes."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice
from typing import Final

from msgspec import Struct

from leveret.observe.records import Admitted, Begun, Committed, Ended, Received, Record, Settled, Subject
from leveret.observe.totals import SECONDS, SIZES, Spread, Totals
from leveret.outcome import Answer, DeadLetter, Outcome, Retry

UNKNOWN: Final = "-"
"""The action of requests that name none that the application has: strangers must not invent names of counters."""

OUTCOMES: Final = ("ok", "refused", "replay", "retry", "letter", "put_back")
"""The words for outcomes."""


class Counters:
    """An observer that counts. A worker that has one also tells it of batches and of sessions with the broker.

    Threads of lanes only note moments of a request, each request in one thread at a time. Everything is added up in the
    event loop, when the request is settled; so no request needs a lock.

    Args:
        actions: version and name of each action, such as ``v1.create_task``.
    """

    def __init__(self, actions: Iterable[str]) -> None:
        self._requests: dict[str, dict[str, int]] = {name: {} for name in (*actions, UNKNOWN)}
        self._moments: dict[int, _Moments] = {}  # by delivery tag, oldest first
        self._waiting, self._handling, self._commit, self._total = (_Buckets(SECONDS) for _ in range(4))
        self._batches, self._lock = _Buckets(SIZES), threading.Lock()
        self._sessions = 0

    def __call__(self, record: Record) -> None:
        """Count what a record says."""
        kind, subject = type(record), record.subject
        if kind is Received:
            return
        if kind is Admitted:
            self._moments[subject.delivery.delivery_tag] = _Moments(subject)
            return
        if isinstance(record, Settled):
            self._settle(record)
            return
        moments = self._moments.get(subject.delivery.delivery_tag)
        if moments is None or moments.subject is not subject:  # of a session that was lost
            return
        if kind is Begun:
            moments.begun = record.at
        elif kind is Ended:
            moments.ended = record.at
        elif kind is Committed:
            moments.committed = record.at

    def batch(self, size: int) -> None:
        """Count a batch that a lane takes; in the thread of the lane."""
        with self._lock:
            self._batches.add(size)

    def begin_session(self) -> None:
        """Forget the requests in hand, because a new session with the broker begins; it delivers them again."""
        self._sessions += 1
        self._moments.clear()

    def totals(self) -> Totals:
        """Return what was counted so far; in the event loop."""
        with self._lock:
            batches = self._batches.spread()
        return Totals(
            requests={name: dict(counts) for name, counts in self._requests.items() if counts},
            waiting=self._waiting.spread(),
            handling=self._handling.spread(),
            commit=self._commit.spread(),
            total=self._total.spread(),
            batches=batches,
            reconnects=max(self._sessions - 1, 0),
        )

    def held(self, most: int) -> list[Subject]:
        """Return the requests in hand, the oldest ones first, but not more than ``most``; in the event loop."""
        return [moments.subject for moments in islice(self._moments.values(), most)]

    def _settle(self, record: Settled) -> None:
        subject = record.subject
        counts = self._requests.get(subject.action) or self._counts_of(subject.action)
        word = outcome_word(record.outcome)
        counts[word] = counts.get(word, 0) + 1
        self._total.add(record.at - subject.arrived)
        moments = self._moments.pop(subject.delivery.delivery_tag, None)
        if moments is None or not moments.begun:
            return
        self._waiting.add(moments.begun - subject.arrived)
        if moments.ended:
            self._handling.add(moments.ended - moments.begun)
            if moments.committed > moments.ended:  # an `async def` action commits before it ends
                self._commit.add(moments.committed - moments.ended)

    def _counts_of(self, action: str) -> dict[str, int]:
        counts = self._requests.get(action)
        return self._requests[UNKNOWN] if counts is None else counts


class _Moments(Struct):
    """When a request passed points of its way, in seconds of ``time.monotonic``; 0 for not yet."""

    subject: Subject
    begun: float = 0.0
    ended: float = 0.0
    committed: float = 0.0


class _Buckets:
    """Counts values in buckets."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def spread(self) -> Spread:
        return Spread(tuple(self._counts), self._sum)


def outcome_word(outcome: Outcome) -> str:
    """Return the word for an outcome, one of ``OUTCOMES``."""
    if isinstance(outcome, Answer):
        return "replay" if outcome.replayed else "ok" if outcome.code is None else "refused"
    if isinstance(outcome, Retry):
        return "retry"
    return "letter" if isinstance(outcome, DeadLetter) else "put_back"
