"""Reports how a worker does, every second, and asks its database when nobody else does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from leveret.observe.counters import Counters
from leveret.observe.reports import ProcessReport, WorkerState

EVERY: Final = 1.0
"""Seconds between two reports."""

ASKED_EVERY: Final = 5.0
"""Seconds after which the database is asked, if nothing was committed meanwhile."""


class Watchable(Protocol):
    """A worker, as far as it is watched."""

    def state(self) -> WorkerState:
        """Return how it does now."""

    async def ask_database(self) -> None:
        """Return when the database has answered, or raise an error."""


class Monitor:
    """Watches a worker that runs in this event loop, and disturbs nothing.

    Args:
        worker: the worker.
        counters: its observer.
        tell: called with each report; must return at once.
        every: seconds between two reports.
    """

    def __init__(
        self, worker: Watchable, counters: Counters, tell: Callable[[ProcessReport], None], *, every: float = EVERY
    ) -> None:
        self._worker = worker
        self._counters = counters
        self._tell = tell
        self._every = every
        self._has_consumed = False
        self._answered: float | None = None
        self._moved = (-1, 0.0)  # the progress of the lanes, and since when it has been that

    async def run(self) -> None:
        """Report until cancelled, and once more then."""
        asking = asyncio.create_task(self._ask())
        try:
            while True:
                self._tell(self.report())
                await asyncio.sleep(self._every)
        finally:
            asking.cancel()
            self._tell(self.report())

    def report(self) -> ProcessReport:
        """Return how the worker does now; in the event loop."""
        now, state = asyncio.get_running_loop().time(), self._worker.state()
        self._has_consumed = self._has_consumed or state.consuming
        if state.progress != self._moved[0] or not state.lanes_busy:
            self._moved = (state.progress, now)
        return ProcessReport(
            pid=os.getpid(),
            totals=self._counters.totals(),
            state=state,
            has_consumed=self._has_consumed,
            database=None if self._answered is None else now - self._answered,
            lanes_still=now - self._moved[1],
        )

    async def _ask(self) -> None:
        """Ask the database at intervals; commits answer too, and a worker that does not consume asks by itself."""
        now, committed = asyncio.get_running_loop().time, -1
        while True:
            count = self._counters.totals().commit.count
            if not self._worker.state().consuming:
                self._answered = None
            elif count != committed and committed >= 0:
                self._answered = now()
            else:
                await self._ask_once()
            committed = count
            await asyncio.sleep(min(self._every, ASKED_EVERY) if self._answered is None else ASKED_EVERY)

    async def _ask_once(self) -> None:
        try:
            await self._worker.ask_database()
        except Exception:  # whatever it is: the database has not answered
            self._answered = None
        else:
            self._answered = asyncio.get_running_loop().time()


@asynccontextmanager
async def monitored(
    worker: Watchable, counters: Counters | None, tell: Callable[[ProcessReport], None] | None
) -> AsyncIterator[None]:
    """Report how a worker does while the block runs, and once more at its end; without ``counters``, do nothing."""
    if counters is None or tell is None:
        yield
        return
    watching = asyncio.create_task(Monitor(worker, counters, tell).run())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
