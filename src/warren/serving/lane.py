"""Lanes: threads with one database connection each, in which transactions run.

A lane takes whatever is ready, without waiting for a batch to fill: one request under low load, many under high.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from warren.errors import StorageUnavailable
from warren.inbox import Failed, Job, Result, run_batch
from warren.store import Key, Store

C = TypeVar("C")
T = TypeVar("T")

logger: Final = logging.getLogger("warren.worker")

LARGEST_BATCH = 64
"""Requests in one transaction; more would only make the first of them wait longer."""


class _Entry(Struct, Generic[C], frozen=True):
    """A job and who waits for its result."""

    job: Job[C]
    waiter: Any


class _Errand(Struct, Generic[C], frozen=True):
    """Something else to do with the lane's store, between two batches."""

    function: Callable[[Store[C]], Any]
    future: asyncio.Future[Any]


Finished = list[tuple[Any, Result]]
"""Who waited, and the result: what a lane reports for a batch."""


class Lanes(Generic[C]):
    """Runs jobs in transactions, in as many threads as there are stores.

    Args:
        stores: one for each lane; a lane closes its own at the end.
        on_finished: called in the event loop once for each batch, with the waiters given to ``submit``.

    Attributes:
        interrupted: requests whose attempt stands in the crash journal although no worker died: an outage ended it.
    """

    def __init__(self, stores: Sequence[Store[C]], on_finished: Callable[[Finished], None]) -> None:
        self.interrupted: list[Key] = []
        self._on_finished = on_finished
        self._queue: SimpleQueue[_Entry[C] | _Errand[C] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._threads = [
            threading.Thread(target=self._live, args=(store,), name=f"lane-{number}", daemon=True)
            for number, store in enumerate(stores, start=1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[C], waiter: Any) -> None:
        """Have a job run; its result comes to ``on_finished`` with its waiter."""
        self._queue.put(_Entry(job, waiter))

    def run(self, function: Callable[[Store[C]], T]) -> asyncio.Future[T]:
        """Have ``function(store)`` called in a lane; the future has its value or its error."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Errand(function, future))
        return future

    def forget_deaths(self, key: Key) -> None:
        """Have a request removed from the crash journal; nobody has to wait for it."""
        self.run(partial(_forget_deaths, key)).add_done_callback(partial(self._forgotten, key))

    def _forgotten(self, key: Key, done: asyncio.Future[None]) -> None:
        if not done.cancelled() and (error := done.exception()):
            logger.info("crash journal not cleared: %s", error)
            if isinstance(error, StorageUnavailable):
                self.interrupted.append(key)

    async def close(self, limit: float) -> None:
        """End the threads, after what they hold is done; after ``limit`` seconds one that hangs is left behind."""
        for _ in self._threads:
            self._queue.put(None)
        give_up = self._loop.time() + limit
        for thread in self._threads:
            await asyncio.to_thread(thread.join, max(give_up - self._loop.time(), 0.0))
            if thread.is_alive():
                logger.error("%s hangs in an action or in the database and is left behind", thread.name)

    def _live(self, store: Store[C]) -> None:
        try:
            while (first := self._queue.get()) is not None:
                batch, errands = self._take_ready(first)
                if batch:
                    self._report(batch, _results(store, [entry.job for entry in batch]))
                for errand in errands:
                    self._do(errand, store)
        finally:
            store.close()

    def _take_ready(self, first: _Entry[C] | _Errand[C]) -> tuple[list[_Entry[C]], list[_Errand[C]]]:
        batch: list[_Entry[C]] = []
        errands: list[_Errand[C]] = []
        item: _Entry[C] | _Errand[C] | None = first
        while item is not None:
            if isinstance(item, _Entry):
                batch.append(item)
            else:
                errands.append(item)
            if len(batch) >= LARGEST_BATCH:
                return batch, errands
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, errands
        self._queue.put(None)  # the sign to end: first what was taken, then the end
        return batch, errands

    def _report(self, batch: list[_Entry[C]], results: list[Result]) -> None:
        finished = [(entry.waiter, result) for entry, result in zip(batch, results, strict=True)]
        self._call_in_loop(self._on_finished, finished)

    def _do(self, errand: _Errand[C], store: Store[C]) -> None:
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


def _results(store: Store[C], jobs: list[Job[C]]) -> list[Result]:
    """Run a batch; when the database does not answer, that is every job's result."""
    try:
        return run_batch(store, jobs)
    except BaseException as error:  # SystemExit too: a lane outlives whatever an action raises
        return [Failed(error)] * len(jobs)


def _forget_deaths(key: Key, store: Store[Any]) -> None:
    with store.begin(writes=True) as transaction:
        transaction.forget_deaths(key)


def _succeed(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
