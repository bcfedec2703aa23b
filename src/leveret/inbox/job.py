"""A job: one request that a lane runs, and its result."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import IdReused, RequestError, StorageFailed
from leveret.observe.records import Batch
from leveret.sql.records import RequestKey, StoredResponse
from leveret.wire.codec import refusal


def always() -> bool:
    """Return True: the ``wanted`` of a job that is never cancelled."""
    return True


class Job(Struct, frozen=True):
    """One request, ready to run in a transaction.

    Attributes:
        key: principal and request id.
        fingerprint: digest of version, action and data.
        version: the action's version, for the row.
        action: the action's name, for the row.
        stores: whether its response is stored, and repeated when the request comes again.
        run: takes a connection and returns the response; may raise.
        journal: whether it runs alone, with its attempt on record: it was delivered before, and a worker may have died
            on it.
        other_fingerprints: fingerprints made with other secrets; its row may hold one of them.
        reads: whether its action may only read.
        alone: whether it has a transaction of its own.
        on_end: called with its result and with the batch whose transaction it shared, right after that transaction, in
            the lane's thread.
        wanted: called in the lane's thread right before the job begins; when it returns False, the job does not begin.
    """

    key: RequestKey
    fingerprint: bytes
    version: str
    action: str
    stores: bool
    run: Callable[[sa.Connection], bytes]
    journal: bool = False
    other_fingerprints: tuple[bytes, ...] = ()
    wanted: Callable[[], bool] = always
    reads: bool = False
    alone: bool = False
    on_end: Callable[[Result, Batch], None] | None = None


class AnsweredJob(Struct, frozen=True):
    """The job has a response.

    Attributes:
        response: the encoded reply.
        code: the error's code, or None for a success.
        replayed: whether the response is a stored one.
        kept: whether the response may be stored, see ``RequestError.kept``.
    """

    response: bytes
    code: str | None = None
    replayed: bool = False
    kept: bool = True


class FailedJob(Struct, frozen=True):
    """The attempt failed, and nothing of it was committed.

    Attributes:
        error: why it failed.
    """

    error: BaseException


class DeadlyJob(Struct, frozen=True):
    """Too many workers have died on this request, so it did not run again.

    Attributes:
        deaths: how many workers have died on it.
    """

    deaths: int


Result = AnsweredJob | FailedJob | DeadlyJob


class NotWanted(Exception):
    """Nobody waits for this job any more, so it did not begin."""


def undeclared(job: Job) -> StorageFailed:
    """Return the error of an action that has written although it is not declared to write."""
    return StorageFailed(
        f"{job.version}.{job.action} writes to the database but is not declared with writes=True: each time a caller "
        "repeats the request, its effect would happen again"
    )


def repeat(job: Job, stored: StoredResponse) -> AnsweredJob:
    """Return the stored response, or ``id_reused`` if the row of this key belongs to another request."""
    if stored.fingerprint == job.fingerprint or stored.fingerprint in job.other_fingerprints:
        return AnsweredJob(stored.response, replayed=True)
    return refused(job, IdReused(f"Request id {job.key.id!r} was used before with another version, action or data"))


def refused(job: Job, error: RequestError) -> AnsweredJob:
    """Return a refusal as the response of a job."""
    return AnsweredJob(refusal(job.key.id, error), error.code, kept=error.kept)
