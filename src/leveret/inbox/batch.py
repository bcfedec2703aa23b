"""The idempotent batch: known requests are answered from their rows; new ones run, and their responses are stored.

The requests of a batch share one transaction for their effects, their rows and their stored responses. No request loses
its effect because of another one: when a request fails after it wrote, the batch is rolled back and each runs alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from leveret.errors import RequestError, StorageDoubtful, StorageUnavailable
from leveret.inbox.alone import find_answer, find_answers, run_alone, run_journaled
from leveret.inbox.job import AnsweredJob, DeadlyJob, FailedJob, Job, NotWanted, Result, always, refused, repeat, row_of
from leveret.inbox.journal import Journal
from leveret.sql.connection import Transaction
from leveret.sql.records import Row, StoredResponse
from leveret.sql.store import Store

__all__ = [
    "LARGEST_BATCH",
    "MOST_RESPONSE_BYTES",
    "AnsweredJob",
    "DeadlyJob",
    "FailedJob",
    "Job",
    "Part",
    "Result",
    "always",
    "find_answer",
    "find_answers",
    "repeat",
    "run_alone",
    "run_batch",
]


LARGEST_BATCH: Final = 64
"""Requests in one transaction, at most; with more of them the first ones would only wait longer."""

MOST_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of the responses of one transaction, which ends with the request that reaches this size."""

Part = list[tuple[Job, Result]]
"""Jobs of a batch that ended together, with their results."""


class _NotTogether(Exception):
    """The jobs of this batch cannot share a transaction."""


def run_batch(store: Store, jobs: Sequence[Job], journal: Journal) -> Iterator[Part]:
    """Run jobs in one transaction where none of them loses its effect by that, and otherwise one by one.

    Yields:
        Jobs with their results as soon as they are final: one part for each shared transaction, and for each job that
        ran alone.

    Raises:
        StorageUnavailable: the database does not answer. The next delivery of a request finds what was committed and
            not yielded.
    """
    yield from _run_together(store, [job for job in jobs if not (job.journal or job.alone)])
    for job in jobs:
        if job.alone and not job.journal:
            yield [(job, run_alone(store, job))]
    outage: Result | None = None
    for job in jobs:
        if job.journal:
            result = outage or run_journaled(store, job, journal)
            if isinstance(result, FailedJob) and isinstance(result.error, StorageUnavailable):
                outage = FailedJob(result.error)  # the other journaled jobs do not even begin
            yield [(job, result)]


def _run_together(store: Store, jobs: Sequence[Job]) -> Iterator[Part]:
    while len(jobs) > 1 and (results := _share(store, jobs)):
        yield list(zip(jobs, results, strict=False))
        jobs = jobs[len(results) :]
    for job in jobs:
        yield [(job, run_alone(store, job))]


def _share(store: Store, jobs: Sequence[Job]) -> list[Result] | None:
    """Run jobs in one transaction, or only the first ones if responses are large; None when they cannot share one."""
    try:
        with store.begin(writes=any(job.stores or not job.reads for job in jobs)) as transaction:
            return _answer_all(transaction, store, jobs)
    except StorageDoubtful:
        store.answers()  # so it was not an outage, and one of the jobs will meet it again alone
        return None
    except StorageUnavailable:
        raise
    except BaseException:  # whatever it was, a job meets it again alone, and there it is handled
        return None


def _answer_all(transaction: Transaction, store: Store, jobs: Sequence[Job]) -> list[Result]:
    transaction.gather(len(jobs))
    known = dict(transaction.find([job.key for job in jobs if job.stores]))
    rows: list[Row] = []
    results: list[Result] = []
    size = 0
    for job in jobs:
        stored = known.get(job.key) if job.stores else None
        results.append(result := repeat(job, stored) if stored else _attempt(transaction, store, job))
        if isinstance(result, AnsweredJob):
            if job.stores and result.kept and not stored:
                known[job.key] = StoredResponse(job.fingerprint, result.response)
                rows.append(row_of(job, result.response))
            if (size := size + len(result.response)) >= MOST_RESPONSE_BYTES:
                break
    if rows:
        transaction.save(rows)
    return results


def _attempt(transaction: Transaction, store: Store, job: Job) -> Result:
    if not job.wanted():
        return FailedJob(NotWanted())
    before, changes = transaction.touched, transaction.changes
    try:
        response = job.run(transaction.connection)
    except BaseException as error:
        if transaction.touched != before or transaction.apart:
            raise _NotTogether from error
        if isinstance(error, RequestError):
            return refused(job, error)
        translated = store.translate(error)
        if isinstance(translated, StorageUnavailable):
            raise translated from error
        return FailedJob(translated)
    if transaction.apart or (job.reads and transaction.changes != changes):
        raise _NotTogether
    return AnsweredJob(response)
