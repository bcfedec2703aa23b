"""What a worker publishes of itself every five seconds, to the stream of statuses, for those who watch the system."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from leveret.observe.counters import Counters
from leveret.observe.outcome_words import OutcomeWord
from leveret.observe.reports import WorkerState
from leveret.observe.totals import NO_SECONDS, SECONDS, Spread

EVERY: Final = 5.0
"""Seconds between two statuses."""

MOST_NAMED: Final = 20
"""How many requests in hand are named, the oldest ones."""


class WorkerStatus(Struct, frozen=True, kw_only=True):
    """How one worker process does. Totals count from its start.

    Attributes:
        name: the worker's name at the broker.
        host: its machine.
        pid: its process.
        version: version of the application; empty if it has none.
        leveret: version of the framework.
        started: when it started, POSIX seconds.
        at: when this was written, POSIX seconds.
        ended: whether it is stopping; no other one comes, unless it takes long.
        in_hand: id, action and moment of arrival (POSIX seconds) of requests in hand, the oldest ones.
        counts: how many deliveries were settled, by action and outcome.
        bounds: upper bounds of the buckets of the histograms, in seconds.
        waiting: seconds from the arrival of a request to its beginning.
        handling: seconds that actions took.
        total: seconds from the arrival of a request until its outcome was safe.
        retries: attempts that were put off.
        letters: requests that were given up.
        replays: requests that got a stored response.
        reconnects: how often the broker was connected again.
        backlog: bytes of responses that the broker has not confirmed.
        lanes: how many lanes there are.
        lanes_busy: how many of them run something.
    """

    name: str
    host: str
    pid: int
    version: str = ""
    leveret: str = ""
    started: float
    at: float
    ended: bool = False
    in_hand: tuple[tuple[str, str, float], ...] = ()
    counts: Mapping[str, Mapping[str, int]] = {}
    bounds: tuple[float, ...] = SECONDS
    waiting: Spread = NO_SECONDS
    handling: Spread = NO_SECONDS
    total: Spread = NO_SECONDS
    retries: int = 0
    letters: int = 0
    replays: int = 0
    reconnects: int = 0
    backlog: int = 0
    lanes: int = 0
    lanes_busy: int = 0


class StatusSource(Protocol):
    """A worker, as far as its status tells of it."""

    def state(self) -> WorkerState:
        """Return how it does now."""

    async def publish_status(self, body: bytes) -> None:
        """Publish a status if that is possible now; never raise because of the broker."""


class StatusReporter:
    """Publishes the status of a worker that runs in this event loop.

    Args:
        worker: the worker.
        counters: its observer.
        name: the worker's name at the broker.
        version: version of the application.
        leveret: version of the framework.
    """

    def __init__(self, worker: StatusSource, counters: Counters, *, name: str, version: str, leveret: str) -> None:
        self._worker = worker
        self._counters = counters
        self._ends = False
        self._first = WorkerStatus(
            name=name,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version,
            leveret=leveret,
            started=time.time(),
            at=0.0,
        )

    async def run(self, every: float = EVERY) -> None:
        """Publish the status again and again, until cancelled."""
        while True:
            await self._worker.publish_status(msgspec.json.encode(self.status()))
            await asyncio.sleep(every)

    async def end(self) -> None:
        """Publish that the worker is stopping; call it while it still has its session."""
        self._ends = True
        await self._worker.publish_status(msgspec.json.encode(self.status()))

    def status(self) -> WorkerStatus:
        """Return the status now; in the event loop."""
        totals, state, now = self._counters.totals(), self._worker.state(), time.time()
        offset = now - time.monotonic()
        return msgspec.structs.replace(
            self._first,
            at=now,
            ended=self._ends,
            in_hand=tuple((each.id, each.action, each.arrived + offset) for each in self._counters.held(MOST_NAMED)),
            counts=totals.requests,
            waiting=totals.waiting,
            handling=totals.handling,
            total=totals.total,
            retries=totals.outcomes(OutcomeWord.RETRY),
            letters=totals.outcomes(OutcomeWord.LETTER),
            replays=totals.outcomes(OutcomeWord.REPLAYED),
            reconnects=totals.reconnects,
            backlog=state.backlog,
            lanes=state.lanes,
            lanes_busy=state.lanes_busy,
        )


@asynccontextmanager
async def publishing_status(reporter: StatusReporter | None) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Publish the status of a worker while the block runs, and yield what publishes that it is stopping.

    Without a reporter, both do nothing.
    """
    if reporter is None:
        yield _nothing
        return
    running = asyncio.create_task(reporter.run())
    try:
        yield reporter.end
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _nothing() -> None:
    """Publish nothing."""
