"""An overview: what is wrong, and how the system does, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from leveret.operate.overview.samples import HeldRequest, Part
from leveret.operate.overview.sentences import BLIND, SENTENCES, Value, in_english


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        code: a stable word for programs and links, such as ``nobody_consumes``.
        kind: names its sentence: the code, or one of several forms of it.
        values: what stands in the sentence and in the advice; a float is a duration in seconds.
        weight: ``wrong``: callers feel it, or soon will; ``warning``: somebody should look.
        since: when it began, POSIX seconds; None where that is not known.
        felt: how many requests of callers it concerns; None where that is not known.
    """

    code: str
    kind: str
    values: Mapping[str, Value]
    weight: Literal["wrong", "warning"]
    since: float | None
    felt: int | None

    @property
    def text(self) -> str:
        """What is wrong, one English sentence."""
        return in_english(SENTENCES[self.kind].text, self.values)

    @property
    def advice(self) -> str:
        """What to do, in English."""
        return in_english(SENTENCES[self.kind].advice, self.values)


class HiddenPart(Struct, frozen=True):
    """Something that cannot be seen now.

    Attributes:
        kind: names its sentence.
        words: why, in English.
    """

    kind: Literal["broker", "reports", "database"]
    words: str

    @property
    def text(self) -> str:
        """What cannot be seen, in English."""
        return in_english(BLIND[self.kind], {"words": self.words})


class Depths(Struct, frozen=True, kw_only=True):
    """How many messages are ready in the queues; None where that cannot be seen.

    Attributes:
        waiting: requests that wait for the workers.
        retrying: requests that wait in retry queues.
        letters: dead letters.
        consumers: how many worker processes consume.
        limit: how many requests may wait; None for any number.
    """

    waiting: int | None = None
    retrying: int | None = None
    letters: int | None = None
    consumers: int | None = None
    limit: int | None = None


class Percentiles(Struct, frozen=True, kw_only=True):
    """Durations in seconds that a half, 95 % and 99 % of requests do not exceed; None where there were none."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Flow(Struct, frozen=True, kw_only=True):
    """What went through the system in the last minute; None where that cannot be seen.

    Attributes:
        incoming: requests a second that came from callers.
        finished: requests a second that were answered or given up.
        failing: attempts a second that failed: retries and letters.
        waited: how long requests waited in the worker before they ran.
        took: how long requests took from their arrival at the worker to the end.
    """

    incoming: float | None = None
    finished: float | None = None
    failing: float | None = None
    waited: Percentiles = Percentiles()
    took: Percentiles = Percentiles()


class WorkerLine(Struct, frozen=True, kw_only=True):
    """One worker process.

    Attributes:
        name: its name at the broker.
        host: its machine.
        pid: its process.
        version: version of the application.
        framework: version of leveret.
        started: when it started, POSIX seconds.
        seen: when it reported last, POSIX seconds.
        silent: it should have reported since.
        finished: requests a second that it finished in the last minute.
        failing: attempts a second that failed in the last minute.
        lanes: how many lanes it has.
        lanes_busy: how many of them ran something.
        held: requests in hand, oldest first.
    """

    name: str
    host: str
    pid: int
    version: str
    framework: str
    started: float
    seen: float
    silent: bool
    finished: float
    failing: float
    lanes: int
    lanes_busy: int
    held: tuple[HeldRequest, ...]


class Overview(Struct, frozen=True, kw_only=True):
    """How a system does at one moment.

    Attributes:
        at: when, POSIX seconds.
        application: its name.
        problems: what is wrong, the worst first.
        depths: how many messages are in the queues.
        flow: rates and durations of the last minute.
        workers: the worker processes that run, by host and process.
        broker: the broker in words.
        database: the database in words.
        reports: the stream with the reports of workers, in words. Without it, ``workers`` and ``flow`` are blind.
        blind: what cannot be seen now; empty if all can.
    """

    at: float
    application: str
    problems: tuple[Problem, ...]
    depths: Depths
    flow: Flow
    workers: tuple[WorkerLine, ...]
    broker: Part
    database: Part
    reports: Part
    blind: tuple[HiddenPart, ...]
