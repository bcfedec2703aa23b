"""Giving ``async def`` actions their turn in the event loop: so many at a time, each for so long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Final

from leveret.inbox.batch import Failed, Result
from leveret.worker.run.backlog import Backlog
from leveret.worker.run.calls import Calls
from leveret.worker.work import Work

MOST_AT_ONCE: Final = 100
"""Async actions that run at the same time in one worker; the others wait their turn."""

LONGEST: Final = timedelta(seconds=60)
"""How long one async action may take; after that its attempt has failed."""


class Turns:
    """Runs the async actions of one session, each in a task of its own.

    Those that end in the same turn of the loop are told together, so that their replies are published together. As all
    have the same limit, the one that began first is the first to be late: one timer watches over all of them.

    Args:
        calls: runs one action.
        on_ended: told what requests have come to.
        backlog: nothing begins while it is full.
    """

    def __init__(self, calls: Calls, on_ended: Callable[[list[tuple[Work, Result]]], None], backlog: Backlog) -> None:
        self._calls = calls
        self._on_ended = on_ended
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Work] = deque()
        self._context = copy_context()
        self._began: dict[asyncio.Task[Result], float] = {}
        self._late: set[asyncio.Task[Result]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: list[tuple[Work, Result]] = []
        self._over = False

    def begin(self, works: Iterable[Work]) -> None:
        """Run actions as soon as it is their turn."""
        self._waiting.extend(works)
        self._go_on()

    def end(self) -> None:
        """Cancel what runs, of which nothing is told any more, and begin with nothing."""
        self._over = True
        self._waiting.clear()
        for task in self._began:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        while self._waiting and len(self._began) < MOST_AT_ONCE:
            if self._backlog.full:
                self._backlog.when_room(self._go_on)
                break
            work = self._waiting.popleft()
            # Not in the context of whoever made room: what an action leaves in its context is nobody else's.
            task = self._loop.create_task(self._calls.run(work), context=self._context.copy())
            task.add_done_callback(partial(self._done, work), context=self._context)
            self._began[task] = self._loop.time()
        if self._began and self._timer is None:
            self._timer = self._loop.call_later(LONGEST.total_seconds(), self._end_late)

    def _done(self, work: Work, task: asyncio.Task[Result]) -> None:
        del self._began[task]
        late = task in self._late
        self._late.discard(task)
        if not task.cancelled():
            error = task.exception()
            self._tell(work, task.result() if error is None else Failed(error))
        elif not self._over:  # otherwise it is the action's own doing, or it took too long
            text = f"took longer than {LONGEST.total_seconds():g} s"
            self._tell(work, Failed(TimeoutError(text) if late else asyncio.CancelledError()))
        if not self._ended:
            self._go_on()

    def _tell(self, work: Work, result: Result) -> None:
        if not self._ended:
            self._loop.call_soon(self._tell_all, context=self._context)
        self._ended.append((work, result))

    def _tell_all(self) -> None:
        ended, self._ended = self._ended, []
        self._on_ended(ended)
        self._go_on()  # only now is known how much of it waits to be sent

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
