"""Calls in a closed loop: makes the requests, compares each reply with its request, and measures the time."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

Request = dict[str, Any]

SILENCE_LIMIT = 60.0
"""Seconds without any reply after which the rest counts as missing."""


@dataclass(frozen=True)
class Load:
    """The calls that a client has to make: COUNT calls, IN_FLIGHT at any time, with SIZE bytes of text in each.

    WARM_UP calls come before them, because the first calls of a client make connections, queues and imports. Their
    replies are checked too, but are in no figure.
    """

    url: str
    queue: str
    count: int
    in_flight: int
    size: int
    warm_up: int = 0

    @property
    def calls(self) -> int:
        """Number of all calls, including the warm-up."""
        return self.warm_up + self.count


class Figures(NamedTuple):
    """The figures of all calls except the warm-up; times are in milliseconds, and 0 without any reply."""

    replies: int
    wrong: int
    seconds: float
    in_flight: int
    p50_ms: float
    p99_ms: float


class Tally:
    """Makes requests and takes their replies; the time starts with the first request, or after the warm-up."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._sent = 0
        self._wrong = 0
        self._open: dict[str, tuple[Request, float]] = {}
        self._took: list[float] = []
        self._began = self._ended = 0.0

    @property
    def complete(self) -> bool:
        """Whether every reply has come."""
        return len(self._took) == self.load.calls

    @property
    def silence(self) -> float:
        """Seconds since the last reply, or since the first request; 0 before that."""
        return time.perf_counter() - (self._ended or self._began) if self._began else 0.0

    @property
    def replies(self) -> int:
        """Number of replies, without those of the warm-up."""
        return max(len(self._took) - self.load.warm_up, 0)

    def begin(self) -> Request | None:
        """Return the next request to send, or None after the last one."""
        if self._sent == self.load.calls:
            return None
        self._sent += 1
        id = f"bench-{os.getpid()}-{self._sent}"  # noqa: A001 - the word on the wire
        text = f"{self._sent} ".ljust(self.load.size, "x")
        request = {"id": id, "version": "v1", "action": "echo", "data": {"text": text}, "auth": ""}
        now = time.perf_counter()
        self._began = self._began or now
        self._open[id] = (request, now)
        return request

    def end(self, id: str | None, reply: object) -> None:  # noqa: A002 - the word on the wire
        """Take the reply to the request with an id; it is wrong if its content differs, or if nobody waits for it."""
        request, began = self._open.pop(id or "", (None, 0.0))
        if request is None or reply != request:
            self._wrong += 1
        if request is not None:
            self._ended = time.perf_counter()
            self._took.append(self._ended - began)
            if len(self._took) == self.load.warm_up:
                self._began = self._ended

    def figures(self, in_flight: int | None = None) -> Figures:
        """Return the figures; `in_flight` is given if the client had fewer calls in flight than it should."""
        took = sorted(self._took[self.load.warm_up :]) or [0.0]
        p50, p99 = (round(1e3 * took[math.ceil(len(took) * part) - 1], 3) for part in (0.5, 0.99))
        seconds = round(self._ended - self._began, 4)
        return Figures(self.replies, self._wrong, seconds, in_flight or self.load.in_flight, p50, p99)


async def concurrent_calls(load: Load, call: Callable[[Request], Awaitable[object]]) -> Figures:
    """Make the calls in IN_FLIGHT tasks of one event loop, each of which awaits a reply before its next request."""
    tally = Tally(load)

    async def one_after_another() -> None:
        while request := tally.begin():
            tally.end(request["id"], await call(request))

    tasks = [asyncio.create_task(one_after_another()) for _ in range(min(load.in_flight, load.calls))]
    while not tally.complete and tally.silence < SILENCE_LIMIT and not _failed(tasks):
        await asyncio.wait(tasks, timeout=SILENCE_LIMIT, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
    return tally.figures()


def windowed_calls(load: Load, send: Callable[[Request], T], receive: Callable[[T], object]) -> Figures:
    """Make the calls without an event loop: send up to IN_FLIGHT, then wait for the reply to the oldest.

    The times end when a reply is taken, which may be later than its arrival, except for the oldest call.
    """
    tally = Tally(load)
    waiting: deque[tuple[Request, T]] = deque()
    while not tally.complete:
        while len(waiting) < load.in_flight and (request := tally.begin()):
            waiting.append((request, send(request)))
        request, sent = waiting.popleft()
        tally.end(request["id"], receive(sent))
    return tally.figures()


def _failed(tasks: list[asyncio.Task[None]]) -> bool:
    return any(task.done() and task.exception() for task in tasks)
