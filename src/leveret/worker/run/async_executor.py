"""Executing one ``async def`` action in the event loop, once for each request id like every action."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from leveret.api import Transactions
from leveret.errors import DeadlineExceeded, RequestError, StorageUnavailable
from leveret.inbox.answers import find_answer
from leveret.inbox.batch import AnsweredJob, DeadlyJob, FailedJob, Result
from leveret.inbox.journal import MOST_DEATHS
from leveret.inbox.outages import judged
from leveret.sql.store import Store
from leveret.wire.codec import refusal
from leveret.worker.run.jobs import Jobs
from leveret.worker.run.lanes import Lanes
from leveret.worker.work import Work

T = TypeVar("T")


class Concluded(Exception):
    """Ends an action early whose transaction has found a stored response, or has failed without an ``Exception``.

    Its cause is what was raised in the transaction, if something was.
    """


class AsyncExecutor:
    """Executes async actions; each call of ``run`` executes one."""

    def __init__(self, jobs: Jobs, lanes: Lanes) -> None:
        self._jobs = jobs
        self._lanes = lanes

    async def run(self, work: Work) -> Result:
        """Run an action and return its result; never raises, unless it is cancelled."""
        try:
            return await self._run_journaled(work)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # SystemExit too: it would end this process, and then the next one
            return FailedJob(error)

    async def _run_journaled(self, work: Work) -> Result:
        if not work.delivery.redelivered:
            return await self._run_once(work)
        key, journal = work.key, self._lanes.journal
        if (await journal.begin([key]))[key] >= MOST_DEATHS:
            return await self._repeat_or_give_up(work)
        result: Result
        try:
            result = await self._run_once(work)
        except StorageUnavailable as error:
            result = FailedJob(error)
        except BaseException:
            journal.end([key])  # also when the session is lost meanwhile: no worker has died
            raise
        if isinstance(result, FailedJob) and isinstance(result.error, StorageUnavailable):
            journal.void([key])
        else:
            journal.end([key])
        return result

    async def _repeat_or_give_up(self, work: Work) -> Result:
        """End a request that workers died on: with its stored response if there is one, otherwise as a `DeadlyJob`."""
        try:
            known = await self._known(work)
        except StorageUnavailable as error:
            self._lanes.journal.void([work.key])
            return FailedJob(error)
        if known is None:
            return DeadlyJob(MOST_DEATHS)  # the entry is removed when the letter is safe
        self._lanes.journal.end([work.key])
        return known

    async def _known(self, work: Work) -> AnsweredJob | None:
        """Return the answer that a request's row leads to; None if it has no row, or its response is not stored."""
        if not work.stores:
            return None
        job = self._jobs.job(work)
        return await self._lanes.run(lambda store: find_answer(store, job))

    async def _run_once(self, work: Work) -> Result:
        if known := await self._known(work):
            return known
        stores = work.stores
        try:
            self._jobs.check_deadline(work)
        except DeadlineExceeded as error:
            return await self._refuse(work, error, stores=stores)
        if work.action.writes:
            return await self._run_writing(work)
        return await self._run_reading(work, stores=stores)

    async def _run_writing(self, work: Work) -> Result:
        """Run an action that writes; its response is made and stored in its one transaction."""
        respond = partial(self._jobs.response, work.request.id)
        transaction = _WriteOnce(work.request.id, respond, lambda run: self._store(work, run))
        try:
            value = await self._call(work, transaction)
        except Exception as error:
            if transaction.result is None and isinstance(error, RequestError):
                return await self._refuse(work, error, stores=True)
            if not (transaction.failed or isinstance(error, RequestError)):
                raise
        if transaction.result is not None:
            return transaction.result
        return await self._store(work, lambda _: respond(value))

    async def _run_reading(self, work: Work, *, stores: bool) -> Result:
        try:
            value = await self._call(work, partial(self._transact, work.action.secret))
            response = self._jobs.response(work.request.id, value)
        except RequestError as error:
            return await self._refuse(work, error, stores=stores)
        return await self._store(work, lambda _: response) if stores else AnsweredJob(response)

    async def _call(self, work: Work, transactions: Transactions) -> Any:
        context, observers = self._jobs.context(work, transactions=transactions), self._jobs.observers
        if not observers.follow(work.subject):
            return await work.action.call(context, *work.arguments)
        with observers.attempt(work.subject):
            return await work.action.call(context, *work.arguments)

    async def _refuse(self, work: Work, error: RequestError, *, stores: bool) -> Result:
        if stores and error.kept:
            return await self._store(work, partial(_raise, error))
        return AnsweredJob(refusal(work.request.id, error), error.code)

    async def _store(self, work: Work, run: Callable[[sa.Connection], bytes]) -> Result:
        """Let a lane run a function and store the response that it makes, in one transaction."""
        finished: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._lanes.submit(self._jobs.job(work, run, wanted=lambda: not finished.cancelled()), finished)
        return await finished

    async def _transact(self, writes: bool, function: Callable[..., T], *arguments: Any) -> T:
        """Run a transaction of an action whose response is not stored in it."""

        def run(store: Store) -> T:
            with store.begin(writes=writes) as transaction:
                return function(transaction.connection, *arguments)

        return await self._lanes.run(lambda store: judged(store, lambda: run(store)))


class _WriteOnce:
    """The transaction of an async action that writes; its function's value is the response, and is stored in it."""

    def __init__(
        self,
        request_id: str,
        respond: Callable[[Any], bytes],
        store: Callable[[Callable[[Any], bytes]], Awaitable[Result]],
    ) -> None:
        self.result: Result | None = None
        self._request_id = request_id
        self._respond = respond
        self._store = store

    async def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        if self.result is not None:
            raise RuntimeError(f"Request {self._request_id}: an action that writes has one transaction, not two")
        values: list[T] = []
        raised: list[BaseException] = []

        def run(connection: Any) -> bytes:
            try:
                values.append(function(connection, *arguments))
                return self._respond(values[-1])
            except BaseException as error:
                raised.append(error)
                raise

        self.result = await self._store(run)
        if not self.failed:
            return values[-1]
        error = self._error(raised)
        if isinstance(error, Exception):
            raise error
        raise Concluded from error

    @property
    def failed(self) -> bool:
        """Whether the transaction has ended without the function's value: failed, refused, or with a stored response.

        Then its result is that of the request, whatever is raised afterwards.
        """
        result = self.result
        if isinstance(result, AnsweredJob):
            return bool(result.code) or result.replayed
        return result is not None

    def _error(self, raised: Sequence[BaseException]) -> BaseException | None:
        """Return what kept the transaction from being committed; None for a stored response."""
        if isinstance(self.result, FailedJob):
            return self.result.error  # an error of the database is ours by then
        if isinstance(self.result, AnsweredJob) and self.result.replayed:
            return None
        return raised[-1] if raised else None


def _raise(error: RequestError, _connection: object) -> bytes:
    raise error
