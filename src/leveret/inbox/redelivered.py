"""Running a redelivered request: a worker may have died on it, so its attempt is recorded first."""

from __future__ import annotations

from collections.abc import Callable

from leveret.errors import StorageFailed, StorageUnavailable
from leveret.inbox.answers import find_answer
from leveret.inbox.job import AnsweredJob, DeadlyJob, FailedJob, Job, NotWanted, Result
from leveret.inbox.journal import MOST_DEATHS, Journal
from leveret.sql.store import Store


def run_redelivered(store: Store, job: Job, journal: Journal, run: Callable[[Job], Result]) -> Result:
    """Record an attempt of a request that a worker may have died on, and run the request; never raises.

    Args:
        store: where its response may be stored.
        job: the request.
        journal: where its attempt is recorded.
        run: runs it in a transaction of its own.
    """
    if not job.wanted():
        return FailedJob(NotWanted())
    try:
        deaths = journal.begin(store, [job.key])[job.key]
    except Exception as error:  # the request did not run, and its earlier deaths stay on record
        return FailedJob(_or_outage(store, error))
    if deaths >= MOST_DEATHS:
        return _repeat_or_give_up(store, job, journal)
    try:
        result = run(job)
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
    """End a request that workers died on: with its stored response if there is one, otherwise as a `DeadlyJob`."""
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


def _or_outage(store: Store, error: Exception) -> Exception:
    """Return the outage if the database refuses every request, otherwise the error."""
    try:
        if isinstance(error, StorageFailed):
            store.ping()
    except StorageUnavailable as outage:
        return outage
    return error
