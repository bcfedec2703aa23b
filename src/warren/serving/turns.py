"""Giving ``async def`` actions their turn in the event loop: so many at a time, each for so long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, Generic, TypeVar

from warren.inbox import Failed, Result
from warren.serving.calls import Calls
from warren.serving.intake import Work

C = TypeVar("C")
S = TypeVar("S")

MOST_AT_ONCE: Final = 100
"""Async actions that run at the same time in one worker; the others wait their turn."""

LONGEST: Final = timedelta(seconds=60)
"""How long one async action may take; after that its attempt has failed."""


class Turns(Generic[C, S]):
    """Runs the async actions of one session, each in a task of its own.

    Those that end in the same turn of the loop are told together, so that their replies are published together. As all
    have the same limit, the one that began first is the first to be late: one timer watches over all of them.

    Args:
        calls: runs one action.
        on_ended: told what requests have come to.
    """

    def __init__(self, calls: Calls[C, S], on_ended: Callable[[list[tuple[Work, Result]]], None]) -> None:
        self._calls = calls
        self._on_ended = on_ended
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Work] = deque()
        self._began: dict[asyncio.Task[None], float] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: list[tuple[Work, Result]] = []
        self._over = False

    def begin(self, works: Iterable[Work]) -> None:
        """Run actions as soon as it is their turn."""
        self._waiting.extend(works)
        self._go_on()

    def end(self) -> None:
        """Cancel what runs and begin with nothing any more; nothing is told of it."""
        self._over = True
        self._waiting.clear()
        for task in self._began:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        while self._waiting and len(self._began) < MOST_AT_ONCE:
            self._began[self._loop.create_task(self._run(self._waiting.popleft()))] = self._loop.time()
        if self._began and self._timer is None:
            self._timer = self._loop.call_later(LONGEST.total_seconds(), self._end_late)

    async def _run(self, work: Work) -> None:
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]  # there is one: `_go_on` made it
        result: Result
        try:
            result = await self._calls.run(work)
        except asyncio.CancelledError as error:
            if self._over:
                raise
            late = task in self._late  # otherwise it is the action's own doing
            result = Failed(TimeoutError(f"took longer than {LONGEST.total_seconds():g} s") if late else error)
        self._late.discard(task)
        del self._began[task]
        self._tell(work, result)
        self._go_on()

    def _tell(self, work: Work, result: Result) -> None:
        if not self._ended:
            self._loop.call_soon(self._tell_all)
        self._ended.append((work, result))

    def _tell_all(self) -> None:
        ended, self._ended = self._ended, []
        if not self._over:
            self._on_ended(ended)

    def _end_late(self) -> None:
        """Cancel what has run for too long, and look again when the next one may be late."""
        self._timer = None
        limit, now = LONGEST.total_seconds(), self._loop.time()
        for task, began in self._began.items():
            if began + limit > now:
                self._timer = self._loop.call_at(began + limit, self._end_late)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()
