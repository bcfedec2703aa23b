"""One job in a transaction of its own: its row, its refusal, and for redelivered ones the crash journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from leveret.errors import RequestError, StorageFailed, StorageUnavailable
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
    row_of,
    undeclared,
)
from leveret.inbox.journal import MOST_DEATHS, Journal, end_within
from leveret.inbox.outages import judged
from leveret.sql.connection import Transaction
from leveret.sql.records import KeyTaken, RequestKey, StoredResponse
from leveret.sql.store import Store


def run_alone(store: Store, job: Job) -> Result:
    """Run one job in a transaction of its own.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    return (
        _unless_taken(lambda: judged(store, lambda: _run_once(store, job))) if job.wanted() else FailedJob(NotWanted())
    )


def _run_once(store: Store, job: Job) -> Result:
    try:
        with store.begin(writes=job.stores or job.journal or not job.reads) as transaction:
            return _answer_one(transaction, job)
    except RequestError as error:
        return _store_refusal(store, job, error) if job.stores and error.kept else refused(job, error)


def _unless_taken(attempt: Callable[[], Result]) -> Result:
    """Try again when another worker has answered the same request meanwhile, because then its row is found."""
    for _ in range(3):
        try:
            return attempt()
        except KeyTaken as error:
            taken = error
        except StorageUnavailable:
            raise
        except BaseException as error:  # whatever an action raises becomes a value, which the retry policy judges
            return FailedJob(error)
    return FailedJob(taken)


def _answer_one(transaction: Transaction, job: Job) -> AnsweredJob:
    if job.journal:
        end_within(transaction, job.key)
    if job.stores and (stored := transaction.find([job.key]).get(job.key)):
        return repeat(job, stored)
    before = transaction.changes
    response = job.run(transaction.connection)
    if job.reads and transaction.changes != before:
        raise undeclared(job)
    if job.stores:
        transaction.save([row_of(job, response)])
    return AnsweredJob(response)


def _store_refusal(store: Store, job: Job, error: RequestError) -> AnsweredJob:
    """Store the refusal after the attempt was rolled back; another worker may have been faster."""
    answer = refused(job, error)
    with store.begin(writes=True) as transaction:
        if job.journal:
            end_within(transaction, job.key)
        if stored := transaction.find([job.key]).get(job.key):
            return repeat(job, stored)
        transaction.save([row_of(job, answer.response)])
        return answer


def run_journaled(store: Store, job: Job, journal: Journal) -> Result:
    """Run a request that a worker may have died on: alone, after its attempt was recorded. Nothing is raised."""
    if not job.wanted():
        return FailedJob(NotWanted())
    try:
        deaths = journal.begin(store, [job.key])[job.key]
    except Exception as error:  # the request did not run, and its earlier deaths stay on record
        return FailedJob(_or_outage(store, error))
    if deaths >= MOST_DEATHS:
        return _repeat_or_give_up(store, job, journal)
    try:
        result = run_alone(store, replace(job, wanted=always))
    except StorageUnavailable as error:
        journal.void([job.key])
        return FailedJob(error)
    survived_uncommitted = isinstance(result, FailedJob) or (
        isinstance(result, AnsweredJob) and result.code is not None
    )
    if survived_uncommitted:
        journal.end(store, [job.key])
    return result


def _repeat_or_give_up(store: Store, job: Job, journal: Journal) -> Result:
    """End a request that workers died on: with its stored response if there is one, otherwise with its deaths."""
    try:
        known = find_answer(store, job) if job.stores else None
    except Exception as error:
        if isinstance(error, StorageUnavailable):
            journal.void([job.key])
        return FailedJob(error)
    if known is None:
        return DeadlyJob(MOST_DEATHS)  # its journal entry is removed when the letter is safe
    journal.end(store, [job.key])
    return known


def find_answer(store: Store, job: Job) -> AnsweredJob | None:
    """Return how a request was answered before; None when it was not."""
    stored = find_answers(store, [job.key]).get(job.key)
    return repeat(job, stored) if stored else None


def find_answers(store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, StoredResponse]:
    """Return the stored responses of requests that were answered before.

    Raises:
        StorageUnavailable: the database does not answer.
        FailedAlone: see `judged`.
    """

    def find() -> Mapping[RequestKey, StoredResponse]:
        with store.begin(writes=False) as transaction:
            return transaction.find(keys)

    return judged(store, find)


def _or_outage(store: Store, error: Exception) -> Exception:
    """Return the outage where the database refuses every request, otherwise the error."""
    try:
        if isinstance(error, StorageFailed):
            store.ping()
    except StorageUnavailable as outage:
        return outage
    return error
