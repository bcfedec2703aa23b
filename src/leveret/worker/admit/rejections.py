"""Requests that may not run now: those that were executed before are answered again, all others are refused.

A caller that asks again with the same id may be late or over its limit, or its token may have expired since. None of
that undoes what was executed. Therefore the stored response is looked up before such a refusal, with one statement for
all requests that were rejected in the same iteration of the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from leveret.auth.keyring import TokenExpired
from leveret.errors import RequestError
from leveret.inbox.answers import find_answers
from leveret.inbox.batch import Job, repeat
from leveret.outcome import Answer, DeadLetter, Outcome
from leveret.sql.records import StoredResponse
from leveret.wire.codec import refusal
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.lanes import Lanes
from leveret.worker.work import RejectedRequest, Work


class Rejections:
    """Settles the rejected requests of one session.

    Args:
        lanes: where rows are looked up.
        job: makes the job of a request, which holds its key and its fingerprint.
        settle: carries outcomes out.
        failed: called with requests whose rows could not be looked up.
    """

    def __init__(
        self,
        lanes: Lanes,
        job: Callable[[Work], Job],
        settle: Callable[[list[Settlement]], None],
        failed: Callable[[Sequence[Work], Exception], None],
    ) -> None:
        self._lanes = lanes
        self._job = job
        self._settle = settle
        self._failed = failed
        self._waiting: list[RejectedRequest] = []
        self._looking: asyncio.Task[None] | None = None

    def add(self, rejected: RejectedRequest) -> None:
        """Look a request up, and then answer or refuse it."""
        self._waiting.append(rejected)
        if self._looking is None:
            # In a task, which begins when all requests that are rejected in this iteration of the loop are known.
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def end(self) -> None:
        """Forget the rejected requests, because the session is over."""
        self._waiting.clear()
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        try:
            while self._waiting:
                rejected, self._waiting = self._waiting, []
                await self._conclude(rejected)
        finally:
            self._looking = None

    async def _conclude(self, rejected: Sequence[RejectedRequest]) -> None:
        jobs = [self._job(one.work) for one in rejected]
        try:
            known = await self._lanes.run(lambda store: find_answers(store, [job.key for job in jobs]))
        except Exception as error:
            self._failed([one.work for one in rejected], error)
            return
        pairs = zip(rejected, jobs, strict=True)
        self._settle([(one.work, _outcome(one, job, known.get(job.key))) for one, job in pairs])


def refused(work: Work, error: RequestError) -> Outcome:
    """Return the outcome of a refused request: an answer if the caller waits, otherwise a dead letter."""
    if work.delivery.properties.reply_to:
        return Answer(refusal(work.request.id, error), error.code)
    return DeadLetter(f"{error.code}: {error}", code=error.code)


def _outcome(rejected: RejectedRequest, job: Job, stored: StoredResponse | None) -> Outcome:
    if stored is None:
        return refused(rejected.work, rejected.error)
    answer = repeat(job, stored)
    if not answer.replayed and isinstance(rejected.error, TokenExpired):
        return refused(rejected.work, rejected.error)  # with an expired token, only a stored response is sent
    return Answer(answer.response, answer.code, answer.replayed)
