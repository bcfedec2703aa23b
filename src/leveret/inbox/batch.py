"""The idempotent batch: what is known is answered from its row, what is new runs, and its response is stored.

Effect, idempotency row and stored response are one transaction, shared by all requests of a batch. One request never
costs another its effect: when anything fails after it wrote, the batch is rolled back and each request runs alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from leveret.errors import RequestError, StorageDoubtful, StorageUnavailable
from leveret.inbox.alone import find_answer, find_answers, run_alone, run_journaled
from leveret.inbox.job import Answered, Deadly, Failed, Job, NotWanted, Result, always, refused, repeat, row_of
from leveret.inbox.journal import Journal
from leveret.sql.connection import Transaction
from leveret.sql.records import Row, Stored
from leveret.sql.store import Store

__all__ = [
    "LARGEST_BATCH",
    "MOST_RESPONSE_BYTES",
    "Answered",
    "Deadly",
    "Failed",
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
"""Requests in one transaction; more would only make the first of them wait longer."""

MOST_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of the responses of one transaction: it ends with the request whose response brings them to that size."""

Part = list[tuple[Job, Result]]
"""Jobs of a batch that came to their end together."""


class _NotTogether(Exception):
    """The jobs of this batch cannot share a transaction."""


def run_batch(store: Store, jobs: Sequence[Job], journal: Journal) -> Iterator[Part]:
    """Run jobs in one transaction where that costs none of them its effect, and one by one where not.

    Yields:
        Jobs and their results as soon as they are final: one part for a shared transaction, one for each job alone.

    Raises:
        StorageUnavailable: the database does not answer; what was committed and not yielded is found by the next
            delivery.
    """
    yield from _run_together(store, [job for job in jobs if not (job.journal or job.alone)])
    for job in jobs:
        if job.alone and not job.journal:
            yield [(job, run_alone(store, job))]
    outage: Result | None = None
    for job in jobs:
        if job.journal:
            result = outage or run_journaled(store, job, journal)
            if isinstance(result, Failed) and isinstance(result.error, StorageUnavailable):
                outage = Failed(result.error)  # the others need not even begin
            yield [(job, result)]


def _run_together(store: Store, jobs: Sequence[Job]) -> Iterator[Part]:
    while len(jobs) > 1 and (results := _share(store, jobs)):
        yield list(zip(jobs, results, strict=False))
        jobs = jobs[len(results) :]
    for job in jobs:
        yield [(job, run_alone(store, job))]


def _share(store: Store, jobs: Sequence[Job]) -> list[Result] | None:
    """Run jobs in one transaction, the first ones where responses are large; None when they cannot share one."""
    try:
        with store.begin(writes=any(job.stores or not job.reads for job in jobs)) as transaction:
            return _answer_all(transaction, store, jobs)
    except StorageDoubtful:
        store.answers()  # then it was no outage, and one of the jobs meets it again alone
        return None
    except StorageUnavailable:
        raise
    except BaseException:  # whatever it was, each job meets it again alone, where it is handled
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
        if isinstance(result, Answered):
            if job.stores and result.kept and not stored:
                known[job.key] = Stored(job.fingerprint, result.response)
                rows.append(row_of(job, result.response))
            if (size := size + len(result.response)) >= MOST_RESPONSE_BYTES:
                break
    if rows:
        transaction.save(rows)
    return results


def _attempt(transaction: Transaction, store: Store, job: Job) -> Result:
    if not job.wanted():
        return Failed(NotWanted())
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
        return Failed(translated)
    if transaction.apart or (job.reads and transaction.changes != changes):
        raise _NotTogether
    return Answered(response)
