"""Lanes: threads with one database connection each, in which transactions run.

A lane takes whatever is ready, without waiting for a batch to fill: one request under low load, many under high load.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
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
from leveret.observe.records import Batch
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
    """A function that a lane calls with its store, between two batches."""

    function: Callable[[Store], Any]
    future: asyncio.Future[Any]


Finished = list[tuple[Any, Result]]
"""What a lane reports: each waiter with its result, for a whole batch or for the part of it that has ended."""


class _Signal(Enum):
    """Why a lane wakes up; another lane may already have taken what was ready."""

    GO = auto()
    END = auto()


class Lanes:
    """Runs jobs in transactions, in as many threads as there are stores.

    Args:
        stores: one for each lane; a lane closes its own at the end.
        on_finished: called in the event loop with results and the waiters given to ``submit``: once for jobs that share
            a transaction, once for each job that runs alone.
        most_unsent: bytes of responses that may wait to be sent; at this limit, no job begins.
        lasting_journal: whether the crash journal outlives the worker.
        on_batch: called with the size of each batch, in the thread of the lane that takes it.

    Attributes:
        journal: the crash journal, for the event loop.
        backlog: what is not sent yet; while it is full, no job begins, but functions given to ``run`` are still called.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        on_finished: Callable[[Finished], None],
        *,
        most_unsent: int = MOST_UNSENT,
        lasting_journal: bool = True,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._journal = Journal()
        self.journal = AsyncJournal(self._journal, self.run, lasting=lasting_journal)
        self._on_finished = on_finished
        self._on_batch = on_batch
        self._working: set[Store] = set()
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
        """How many jobs have ended so far, including those of a batch that is not reported yet.

        A job that runs again, because its batch was rolled back, counts again.
        """
        return sum(inbox.ended for inbox in self._inboxes)

    def submit(self, job: Job, waiter: Any) -> None:
        """Run a job, which may be submitted only once; ``on_finished`` gets its waiter and its result."""
        self.submit_all([(job, waiter)])

    def submit_all(self, jobs: Iterable[tuple[Job, Any]]) -> None:
        """Run jobs, each with a waiter; a lane that is free can take all of them together."""
        entries = [_Entry(job, waiter) for job, waiter in jobs]
        self._open += len(entries)
        self._ready.extend(entries)
        self._signals.put(_Signal.GO)

    def _wake(self) -> None:
        for _ in self._threads:
            self._signals.put(_Signal.GO)

    @property
    def working(self) -> int:
        """How many lanes run something now."""
        return len(self._working)

    @property
    def count(self) -> int:
        """How many lanes there are."""
        return len(self._threads)

    @property
    def open(self) -> int:
        """How many jobs run or wait."""
        return self._open

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._open > 0

    async def idle(self) -> None:
        """Wait until no job runs or waits; return at once if none does."""
        if self.busy:
            moment = self._loop.create_future()
            self._until_idle.add(moment)
            try:
                await moment
            finally:
                self._until_idle.discard(moment)

    def run(self, function: Callable[[Store], T]) -> asyncio.Future[T]:
        """Call ``function(store)`` in a lane; the future gets its value or its error.

        If the future is cancelled before the call, the function is not called.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._ready.append(_Errand(function, future))
        self._signals.put(_Signal.GO)
        return future

    async def close(self, limit: float) -> None:
        """End the threads after all that is ready is done; one that hangs after ``limit`` seconds is left behind."""
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
                self._working.add(store)
                for errand in errands:  # before the batch: errands are short, and an action may take long
                    self._do(errand, store)
                if batch:
                    self._run(batch, inbox)
                self._working.discard(store)
                if signal is _Signal.END:
                    if not self._ready:
                        return
                    self._signals.put(_Signal.END)  # what is ready comes first, then the end
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
        """Return whether no job may begin; called in a lane. All lanes are woken as soon as a job may begin."""
        backlog = self.backlog
        return backlog.made + backlog.sending >= backlog.most and backlog.stalls()

    def _put_back(self, entries: Sequence[_Entry]) -> None:
        if entries:
            self._ready.extendleft(reversed(entries))
            if not self._is_held_up():
                self._signals.put(_Signal.GO)

    def _run(self, batch: list[_Entry], inbox: Inbox) -> None:
        """Run a batch and report each part of it; an error that ends it is the result of all jobs without one."""
        left = {id(entry.job): entry for entry in batch}
        began = time.monotonic()
        if self._on_batch is not None:
            self._on_batch(len(batch))
        try:
            inbox.run_batch([entry.job for entry in batch], partial(self._pass_on, left, began))
        except BaseException as error:  # a lane outlives whatever an action raises
            self._call_in_loop(self._report, [(entry.waiter, FailedJob(error)) for entry in left.values()], 0)

    def _pass_on(self, left: dict[int, _Entry], began: float, part: Part) -> bool:
        """Report a part of a batch to the event loop; if the backlog is full, put the rest back and return False."""
        shared = Batch(len(part), began)
        for job, result in part:
            if job.on_end is not None:
                job.on_end(result, shared)
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
