"""Running the ``async def`` actions of a session: how many at the same time, and for how long each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Final

from leveret.inbox.batch import FailedJob, Result
from leveret.worker.leave.backlog import Backlog
from leveret.worker.run.async_executor import AsyncExecutor
from leveret.worker.work import Work

MOST_AT_ONCE: Final = 100
"""The most async actions that run at the same time in one worker; the others wait."""

LONGEST_RUN: Final = timedelta(seconds=60)
"""How long one async action may take that has no timeout of its own; then its attempt has failed."""


class AsyncActions:
    """Runs the async actions of one session, each in a task of its own.

    Actions that end in the same iteration of the loop are reported together, so that their replies are published
    together. One timer is enough for all that have the general limit: the action that began first is late first. One
    with a timeout of its own has a timer of its own.

    Args:
        executor: runs one action.
        on_ended: called with requests that have ended and their results.
        backlog: nothing begins while it is full.
    """

    def __init__(
        self, executor: AsyncExecutor, on_ended: Callable[[list[tuple[Work, Result]]], None], backlog: Backlog
    ) -> None:
        self._executor = executor
        self._on_ended = on_ended
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Work] = deque()
        self._context = copy_context()
        self._began: dict[asyncio.Task[Result], float] = {}
        self._own: dict[asyncio.Task[Result], asyncio.TimerHandle] = {}
        self._late: set[asyncio.Task[Result]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: list[tuple[Work, Result]] = []
        self._over = False

    def begin(self, works: Iterable[Work]) -> None:
        """Run actions as soon as there is a place for them."""
        self._waiting.extend(works)
        self._go_on()

    def end(self) -> None:
        """Cancel the running actions, without a report, and begin nothing more."""
        self._over = True
        self._waiting.clear()
        for task in self._began:
            task.cancel()
        for timer in (self._timer, *self._own.values()):
            if timer is not None:
                timer.cancel()

    def _go_on(self) -> None:
        while self._waiting and len(self._began) < MOST_AT_ONCE:
            if self._backlog.full:
                self._backlog.when_room(self._go_on)
                break
            work = self._waiting.popleft()
            # In a context of its own: what an action leaves in its context must not reach other code.
            task = self._loop.create_task(self._executor.run(work), context=self._context.copy())
            task.add_done_callback(partial(self._done, work), context=self._context)
            self._began[task] = self._loop.time()
            if (limit := work.action.timeout) is not None:
                self._own[task] = self._loop.call_later(limit.total_seconds(), self._cancel_late, task)
        if self._began and self._timer is None:
            self._timer = self._loop.call_later(LONGEST_RUN.total_seconds(), self._end_late)

    def _done(self, work: Work, task: asyncio.Task[Result]) -> None:
        del self._began[task]
        late = task in self._late
        self._late.discard(task)
        if work.action.timeout is not None:
            self._own.pop(task).cancel()
        if not task.cancelled():
            error = task.exception()
            self._tell(work, task.result() if error is None else FailedJob(error))
        elif not self._over:  # the action cancelled itself, or it took too long
            text = f"took longer than {(work.action.timeout or LONGEST_RUN).total_seconds():g} s"
            self._tell(work, FailedJob(TimeoutError(text) if late else asyncio.CancelledError()))
        if not self._ended:
            self._go_on()

    def _tell(self, work: Work, result: Result) -> None:
        if not self._ended:
            self._loop.call_soon(self._tell_all, context=self._context)
        self._ended.append((work, result))

    def _tell_all(self) -> None:
        ended, self._ended = self._ended, []
        self._on_ended(ended)
        self._go_on()  # only now is the size of the responses known to the backlog

    def _end_late(self) -> None:
        """Cancel actions that have run for too long, and set the timer for the next one."""
        self._timer = None
        limit, now = LONGEST_RUN.total_seconds(), self._loop.time()
        for task, began in self._began.items():
            if task in self._own:
                continue
            if began + limit > now:
                self._timer = self._loop.call_at(began + limit, self._end_late)
                return
            self._cancel_late(task)

    def _cancel_late(self, task: asyncio.Task[Result]) -> None:
        if task not in self._late:
            self._late.add(task)
            task.cancel()
