"""Lanes that a test can make busy and idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from leveret.inbox.journal import Journal
from leveret.sql.records import Key
from leveret.worker.run.journal import AsyncJournal

T = TypeVar("T")


class FakeLanes:
    """Stands in for lanes.

    Args:
        deaths: number of deaths that the crash journal has for each request.

    Attributes:
        busy: whether something runs.
        progress: how many jobs have ended.
        journal: a crash journal that always holds ``deaths``, whatever is written into it.
    """

    def __init__(self, deaths: Mapping[Key, int] | None = None, *, busy: bool = False) -> None:
        self.busy = busy
        self.progress = 0
        self._deaths = deaths or {}
        self.journal = AsyncJournal(Journal(), self.run)
        self._callbacks: list[Callable[[], None]] = []

    def run(self, function: Callable[[Any], T]) -> asyncio.Future[T]:  # noqa: ARG002 -- the lanes' signature
        """Return the deaths, as if a lane had read the crash journal."""
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        found.set_result(self._deaths)  # whatever is asked
        return found

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Call back when everything has ended, as lanes do."""
        self._callbacks.append(callback)

    def end(self, report: Callable[[], None] = lambda: None) -> None:
        """End everything; the report is called where lanes would report their results."""
        self.busy = False
        self.progress += 1
        report()
        if not self.busy:
            callbacks, self._callbacks = self._callbacks, []
            for callback in callbacks:
                callback()
