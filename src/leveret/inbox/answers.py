"""Looking up the stored responses of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leveret.inbox.job import AnsweredJob, Job, repeat
from leveret.inbox.outages import judged
from leveret.sql.records import RequestKey, StoredResponse
from leveret.sql.store import Store


def find_answer(store: Store, job: Job) -> AnsweredJob | None:
    """Return the answer that a request's row leads to, see `repeat`; None when it has no row."""
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
