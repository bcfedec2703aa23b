"""What an overview is made from: reports of worker processes, depths of queues, and what was learned of the servers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Durations(Struct, frozen=True):
    """How many durations fell between bounds, since a process started.

    Attributes:
        bounds: upper bounds in seconds, ascending; one more count than bounds stands in ``counts``.
        counts: how many durations were at most each bound and above the one before; the last is above all bounds.
    """

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class HeldRequest(Struct, frozen=True):
    """A request that a worker has in hand.

    Attributes:
        id: the request's id.
        action: version and name.
        since: when it was taken, POSIX seconds by the worker's clock.
    """

    id: str
    action: str
    since: float


class WorkerSample(Struct, frozen=True, kw_only=True):
    """What one worker process said of itself at one moment. Totals count from its start.

    Attributes:
        name: the worker's name at the broker.
        host: its machine.
        pid: its process.
        version: version of the application.
        framework: version of leveret.
        started: when it started, POSIX seconds.
        at: when it said this, POSIX seconds.
        ended: it said that it ends.
        held: requests in hand, the oldest ones.
        finished: how many requests were answered or given up.
        retries: how many attempts were put off to a retry queue.
        letters: how many requests were given up.
        waiting: how long requests waited before they ran.
        total: how long requests took from their arrival at the worker to the end.
        lanes: how many lanes there are.
        lanes_busy: how many of them run something.
    """

    name: str
    host: str
    pid: int
    version: str
    framework: str
    started: float
    at: float
    ended: bool = False
    held: tuple[HeldRequest, ...] = ()
    finished: int = 0
    retries: int = 0
    letters: int = 0
    waiting: Durations = Durations()
    total: Durations = Durations()
    lanes: int = 0
    lanes_busy: int = 0

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process it is; a process id alone may come again."""
        return self.host, self.pid, self.started


class DepthSample(Struct, frozen=True, kw_only=True):
    """How many messages were ready in the queues at one moment; None where a queue is not there or may not be seen.

    Attributes:
        at: when, POSIX seconds by our clock.
        waiting: requests that wait for the workers.
        retrying: requests that wait in retry queues.
        letters: dead letters.
        consumers: how many worker processes consume.
    """

    at: float
    waiting: int | None = None
    retrying: int | None = None
    letters: int | None = None
    consumers: int | None = None


class Part(Struct, frozen=True, kw_only=True):
    """What is known of something that the system stands on.

    Attributes:
        state: ``ok``; ``troubled``: it answers, and something is wrong with it; ``away``: it does not answer;
            ``unused``: this application does not need it; ``unknown``: nobody has asked yet, or it cannot be seen.
        words: what it is, or what is wrong, for people; nothing secret.
        since: when it began to be in this state, POSIX seconds; None where that is not known.
    """

    state: Literal["ok", "troubled", "away", "unused", "unknown"]
    words: str
    since: float | None = None


UNSEEN = Part(state="unknown", words="not looked at yet")
"""What is known before anything was asked."""


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that was seen so far, which an overview is made from.

    Attributes:
        workers: what worker processes said, of the last minutes, in any order.
        depths: depths of queues, oldest first.
        broker: the broker; ``troubled`` is an alarm.
        database: the database.
        reports: the stream with the reports of workers; ``away`` where it does not exist.
        index: the index of letters; ``unknown`` where nobody uses it.
    """

    workers: tuple[WorkerSample, ...] = ()
    depths: tuple[DepthSample, ...] = ()
    broker: Part = UNSEEN
    database: Part = UNSEEN
    reports: Part = UNSEEN
    index: Part = UNSEEN
