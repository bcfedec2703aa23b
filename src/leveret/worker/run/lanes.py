"""Lanes: threads with one database connection each, in which transactions run.

A lane takes whatever is ready, without waiting for a batch to fill: one request under low load, many under high.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from msgspec import Struct

from leveret.inbox.batch import LARGEST_BATCH, AnsweredJob, FailedJob, Inbox, Job, Part, Result
from leveret.inbox.journal import Journal
from leveret.sql.store import Store
from leveret.worker.leave.backlog import MOST_UNSENT, Backlog
from leveret.worker.run.journal import AsyncJournal

T = TypeVar("T")

logger: Final = logging.getLogger("leveret.worker")


class _Entry(Struct, frozen=True):
    """A job and who waits for its result."""

    job: Job
    waiter: Any


class _Errand(Struct, frozen=True):
    """Something else to do with the lane's store, between two batches."""

    function: Callable[[Store], Any]
    future: asyncio.Future[Any]


Finished = list[tuple[Any, Result]]
"""Who waited, and the result: what a lane reports, for a whole batch or for the part of it that is at its end."""


class _Signal(Enum):
    """Why a lane wakes up; what is ready may have been taken by another one meanwhile."""

    GO = auto()
    END = auto()


class Lanes:
    """Runs jobs in transactions, in as many threads as there are stores.

    Args:
        stores: one for each lane; a lane closes its own at the end.
        on_finished: called in the event loop with the waiters given to ``submit``: once for jobs that share a
            transaction, once for each that runs alone.
        most_unsent: bytes of responses that may wait to be sent while lanes begin with something.

    Attributes:
        journal: what the lanes write into the crash journal, for the event loop.
        backlog: what is not sent yet; while it is full no job begins, and errands are done all the same.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        on_finished: Callable[[Finished], None],
        *,
        most_unsent: int = MOST_UNSENT,
    ) -> None:
        self._journal = Journal()
        self.journal = AsyncJournal(self._journal, self.run)
        self._on_finished = on_finished
        self.backlog = Backlog(self._wake, most_unsent)
        self._open = 0
        self._until_idle: set[asyncio.Future[None]] = set()
        self._ready: deque[_Entry | _Errand] = deque()
        self._signals: SimpleQueue[_Signal] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._inboxes = [Inbox(store, self._journal) for store in stores]
        self._threads = [
            threading.Thread(target=self._live, args=(store, inbox), name=f"lane-{number}", daemon=True)
            for number, (store, inbox) in enumerate(zip(stores, self._inboxes, strict=True), start=1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def progress(self) -> int:
        """How many jobs came to an end so far, also within a batch that is not reported yet.

        A job that has to run again, because its batch was rolled back, counts again.
        """
        return sum(inbox.ended for inbox in self._inboxes)

    def submit(self, job: Job, waiter: Any) -> None:
        """Have a job run, which is submitted once; its result comes to ``on_finished`` with its waiter."""
        self.submit_all([(job, waiter)])

    def submit_all(self, jobs: Iterable[tuple[Job, Any]]) -> None:
        """Have jobs run, with a waiter each; a lane that is free finds all of them ready."""
        entries = [_Entry(job, waiter) for job, waiter in jobs]
        self._open += len(entries)
        self._ready.extend(entries)
        self._signals.put(_Signal.GO)

    def _wake(self) -> None:
        for _ in self._threads:
            self._signals.put(_Signal.GO)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._open > 0

    async def idle(self) -> None:
        """Wait for the moment in which no job runs or waits; returns at once when that is so now."""
        if self.busy:
            moment = self._loop.create_future()
            self._until_idle.add(moment)
            try:
                await moment
            finally:
                self._until_idle.discard(moment)

    def run(self, function: Callable[[Store], T]) -> asyncio.Future[T]:
        """Have ``function(store)`` called in a lane; the future has its value or its error.

        When the future is cancelled before that, the function is not called.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._ready.append(_Errand(function, future))
        self._signals.put(_Signal.GO)
        return future

    async def close(self, limit: float) -> None:
        """End the threads, after what they hold is done; after ``limit`` seconds one that hangs is left behind."""
        self.backlog.close()
        for _ in self._threads:
            self._signals.put(_Signal.END)
        give_up = self._loop.time() + limit
        for thread in self._threads:
            await asyncio.to_thread(thread.join, max(give_up - self._loop.time(), 0.0))
            if thread.is_alive():
                logger.error("%s hangs in an action or in the database and is left behind", thread.name)

    def _live(self, store: Store, inbox: Inbox) -> None:
        try:
            while True:
                signal = self._signals.get()
                batch, errands = self._take_ready()
                if self._ready and not self._is_held_up():
                    self._signals.put(_Signal.GO)  # for another lane, or for this one afterwards
                for errand in errands:  # first, as they are short, and an action may take long
                    self._do(errand, store)
                if batch:
                    self._run(batch, inbox)
                if signal is _Signal.END:
                    if not self._ready:
                        return
                    self._signals.put(_Signal.END)  # first what is there, then the end
        finally:
            store.close()

    def _take_ready(self) -> tuple[list[_Entry], list[_Errand]]:
        batch: list[_Entry] = []
        errands: list[_Errand] = []
        held: list[_Entry] = []
        full = self._is_held_up()
        with suppress(IndexError):  # another lane may take the last one at any moment
            while len(batch) < LARGEST_BATCH:
                item = self._ready.popleft()
                if isinstance(item, _Entry):
                    (held if full else batch).append(item)
                else:
                    errands.append(item)
        self._put_back(held)
        return batch, errands

    def _is_held_up(self) -> bool:
        """Whether no job may begin, which is asked in a lane; all lanes are woken as soon as one may."""
        backlog = self.backlog
        return backlog.made + backlog.sending >= backlog.most and backlog.stalls()

    def _put_back(self, entries: Sequence[_Entry]) -> None:
        if entries:
            self._ready.extendleft(reversed(entries))
            if not self._is_held_up():
                self._signals.put(_Signal.GO)

    def _run(self, batch: list[_Entry], inbox: Inbox) -> None:
        """Run a batch and report each part of it; what ends the whole is the result of all that had none before."""
        left = {id(entry.job): entry for entry in batch}
        try:
            inbox.run_batch([entry.job for entry in batch], partial(self._pass_on, left))
        except BaseException as error:  # a lane outlives whatever an action raises
            self._call_in_loop(self._report, [(entry.waiter, FailedJob(error)) for entry in left.values()], 0)

    def _pass_on(self, left: dict[int, _Entry], part: Part) -> bool:
        """Pass a part of a batch on to the event loop, in a lane; what is left has its turn later while it is full."""
        for job, result in part:
            if job.on_end is not None:
                job.on_end(result)
        size = sum([len(result.response) for _, result in part if isinstance(result, AnsweredJob)])
        with self.backlog.lock:
            self.backlog.made += size
        self._call_in_loop(self._report, [(left.pop(id(job)).waiter, result) for job, result in part], size)
        if not left or not self._is_held_up():
            return True
        self._put_back(list(left.values()))
        return False

    def _report(self, finished: Finished, size: int) -> None:
        backlog = self.backlog
        self._open -= len(finished)
        try:
            self._on_finished(finished)
        finally:
            with backlog.lock:
                backlog.made -= size
            if backlog.waited_for:
                backlog.go_on()
        if self._until_idle and not self._open:
            for moment in self._until_idle:
                _succeed(moment, None)
            self._until_idle.clear()

    def _do(self, errand: _Errand, store: Store) -> None:
        if errand.future.cancelled():
            return
        try:
            value = errand.function(store)
        except BaseException as error:
            self._call_in_loop(_fail, errand.future, error)
        else:
            self._call_in_loop(_succeed, errand.future, value)

    def _call_in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has ended: nobody is left to tell
            return


def _succeed(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
