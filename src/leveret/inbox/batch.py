"""The inbox of one lane: known requests are answered from their rows; new ones run, and their responses are stored.

The requests of a batch share one transaction for their effects, their rows and their stored responses. No request loses
its effect because of another one: when a request fails after it wrote, the batch is rolled back, and then each request
runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa

from leveret.errors import RequestError, StorageDoubtful, StorageFailed, StorageUnavailable
from leveret.inbox.job import (
    AnsweredJob,
    DeadlyJob,
    FailedJob,
    Job,
    NotWanted,
    Result,
    always,
    refused,
    repeat,
    undeclared,
)
from leveret.inbox.journal import Journal, end_within
from leveret.inbox.outages import try_again
from leveret.inbox.redelivered import run_redelivered
from leveret.sql.connection import Transaction
from leveret.sql.records import KeyTaken, Row, StoredResponse
from leveret.sql.store import Store

__all__ = [
    "LARGEST_BATCH",
    "MOST_RESPONSE_BYTES",
    "AnsweredJob",
    "DeadlyJob",
    "FailedJob",
    "Inbox",
    "Job",
    "Part",
    "Report",
    "Result",
    "always",
    "repeat",
]


LARGEST_BATCH: Final = 64
"""The most requests in one transaction; with more, the first ones would only wait longer."""

MOST_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of responses in one transaction; the request that reaches this size is the last one in it."""

_TIMES_TAKEN: Final = 3
"""How often a request runs if another worker stores its response first each time; the next run should find it."""

Part = list[tuple[Job, Result]]
"""Jobs of a batch that ended together, with their results."""

Report = Callable[[Part], bool]
"""Receives a part of a batch; returns whether the rest of the batch should run."""


class _NotTogether(Exception):
    """The jobs of this batch cannot share a transaction."""


class Inbox:
    """Runs each job once, on one connection that only one thread uses.

    Args:
        store: where responses are stored.
        journal: where the attempts of redelivered requests are recorded.

    Attributes:
        ended: how many jobs have ended so far, including those in a transaction that is still open. A job that runs
            again, because its batch was rolled back, counts again.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self.ended = 0

    def run_batch(self, jobs: Sequence[Job], report: Report) -> None:
        """Run jobs in one transaction if none of them can lose its effect through another one, otherwise one by one.

        Args:
            jobs: what to run.
            report: called with jobs and their results as soon as the results are final: once for each shared
                transaction, and once for each job that ran alone. When it returns False, no further job runs.

        Raises:
            StorageUnavailable: the database does not answer. A request that was committed but not reported is answered
                from its row at its next delivery.
        """
        together = [job for job in jobs if not (job.alone or job.journal)]
        alone = [job for job in jobs if job.alone and not job.journal]
        redelivered = [job for job in jobs if job.journal]
        while len(together) > 1 and (results := self._share(together)):
            part = list(zip(together, results, strict=False))
            together = together[len(results) :]
            if not report(part):
                return
        for job in together + alone:
            if not report([(job, self.run_alone(job))]):
                return
        outage: Result | None = None
        for job in redelivered:
            result = outage or run_redelivered(self._store, job, self._journal, self._run_judged)
            if isinstance(result, FailedJob) and isinstance(result.error, StorageUnavailable):
                outage = FailedJob(result.error)  # the remaining jobs do not begin
            if not report([(job, result)]):
                return

    def run_alone(self, job: Job) -> Result:
        """Run one job in a transaction of its own.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        return self._run_judged(job) if job.wanted() else FailedJob(NotWanted())

    def _run_judged(self, job: Job) -> Result:
        """Run one job; an error of its action is returned as a value, which the retry policy judges."""
        for _ in range(_TIMES_TAKEN):
            try:
                try:
                    return self._run_once(job)
                except (StorageDoubtful, StorageFailed) as error:
                    return try_again(self._store, error, lambda: self._run_once(job))
            except KeyTaken as error:  # another worker has answered the same request; the next run finds its row
                taken = error
            except StorageUnavailable:
                raise
            except BaseException as error:
                return FailedJob(error)
        return FailedJob(taken)

    def _run_once(self, job: Job) -> Result:
        try:
            with self._store.begin(writes=job.stores or job.journal or not job.reads) as transaction:
                return self._answer_one(transaction, job)
        except RequestError as error:
            return self._store_refusal(job, error) if job.stores and error.kept else refused(job, error)

    def _answer_one(self, transaction: Transaction, job: Job) -> AnsweredJob:
        if job.journal:
            end_within(transaction, job.key)
        if job.stores and (stored := transaction.find([job.key]).get(job.key)):
            return repeat(job, stored)
        changes = transaction.changes
        response = self._run(job, transaction.connection)
        if job.reads and transaction.changes != changes:
            raise undeclared(job)
        if job.stores:
            transaction.save([Row(job.key, job.fingerprint, job.version, job.action, response)])
        return AnsweredJob(response)

    def _store_refusal(self, job: Job, error: RequestError) -> AnsweredJob:
        """Store the refusal after the attempt was rolled back; another worker may have been faster."""
        answer = refused(job, error)
        with self._store.begin(writes=True) as transaction:
            if job.journal:
                end_within(transaction, job.key)
            if stored := transaction.find([job.key]).get(job.key):
                return repeat(job, stored)
            transaction.save([Row(job.key, job.fingerprint, job.version, job.action, answer.response)])
            return answer

    def _run(self, job: Job, connection: sa.Connection) -> bytes:
        try:
            return job.run(connection)
        finally:
            self.ended += 1

    def _share(self, jobs: Sequence[Job]) -> list[Result] | None:
        """Run jobs in one transaction, or only the first ones if responses are large; None if they cannot share one."""
        try:
            with self._store.begin(writes=any(job.stores or not job.reads for job in jobs)) as transaction:
                return self._answer_all(transaction, jobs)
        except StorageDoubtful:
            self._store.answers()  # raises in an outage; otherwise the job that is to blame fails again alone
            return None
        except StorageUnavailable:
            raise
        except BaseException:  # the job that is to blame fails again alone, where its error is handled
            return None

    def _answer_all(self, transaction: Transaction, jobs: Sequence[Job]) -> list[Result]:
        transaction.gather(len(jobs))
        known = dict(transaction.find([job.key for job in jobs if job.stores]))
        rows: list[Row] = []
        results: list[Result] = []
        size = 0
        for job in jobs:
            stored = known.get(job.key) if job.stores else None
            results.append(result := repeat(job, stored) if stored else self._run_beside_others(transaction, job))
            if isinstance(result, AnsweredJob):
                if job.stores and result.kept and not stored:
                    known[job.key] = StoredResponse(job.fingerprint, result.response)
                    rows.append(Row(job.key, job.fingerprint, job.version, job.action, result.response))
                if (size := size + len(result.response)) >= MOST_RESPONSE_BYTES:
                    break
        if rows:
            transaction.save(rows)
        return results

    def _run_beside_others(self, transaction: Transaction, job: Job) -> Result:
        if not job.wanted():
            return FailedJob(NotWanted())
        touched, changes = transaction.touched, transaction.changes
        try:
            response = self._run(job, transaction.connection)
        except BaseException as error:
            if transaction.touched != touched or transaction.apart:
                raise _NotTogether from error
            if isinstance(error, RequestError):
                return refused(job, error)
            translated = self._store.translate(error)
            if isinstance(translated, StorageUnavailable):
                raise translated from error
            return FailedJob(translated)
        if transaction.apart or (job.reads and transaction.changes != changes):
            raise _NotTogether
        return AnsweredJob(response)
