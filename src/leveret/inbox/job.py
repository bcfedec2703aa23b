"""One request for a lane: what runs, and its result."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import IdReused, RequestError, StorageFailed
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
        version: for the row.
        action: for the row.
        stores: its response is stored and repeated.
        run: returns the response, from a connection; may raise.
        journal: it was delivered before and its worker may have died, so it runs alone and its attempt is recorded.
        other_fingerprints: the fingerprints with other secrets, with which a row may have been written.
        reads: its action is not declared to write, and may not.
        alone: it does not share a transaction with others.
        on_end: told of its result right after its transaction, in the lane's thread.
        wanted: called in the lane's thread right before the job begins; where it returns False, the job does not begin.
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
    on_end: Callable[[Result], None] | None = None


class AnsweredJob(Struct, frozen=True):
    """The job has a response.

    Attributes:
        response: the encoded reply.
        code: the error's code, or None for a success.
        replayed: the response is a stored one.
        kept: the response is stored, see ``RequestError.kept``.
    """

    response: bytes
    code: str | None = None
    replayed: bool = False
    kept: bool = True


class FailedJob(Struct, frozen=True):
    """The attempt failed, and nothing of it was committed.

    Attributes:
        error: why.
    """

    error: BaseException


class DeadlyJob(Struct, frozen=True):
    """Workers have died on this request, so it did not run again."""

    deaths: int


Result = AnsweredJob | FailedJob | DeadlyJob


class NotWanted(Exception):
    """Nobody waits for this job any more, so it did not begin."""


def undeclared(job: Job) -> StorageFailed:
    """Return the error of an action that has written and is not declared to."""
    return StorageFailed(
        f"{job.version}.{job.action} writes in the database and is not declared with writes=True: its effect would come"
        " again with each repeat of the request"
    )


def repeat(job: Job, stored: StoredResponse) -> AnsweredJob:
    """Return the stored response, or ``id_reused`` where the row of this key belongs to another request."""
    if stored.fingerprint == job.fingerprint or stored.fingerprint in job.other_fingerprints:
        return AnsweredJob(stored.response, replayed=True)
    return refused(job, IdReused(f"Request id {job.key.id!r} was used before with another version, action or data"))


def refused(job: Job, error: RequestError) -> AnsweredJob:
    """Return a refusal as the response of a job."""
    return AnsweredJob(refusal(job.key.id, error), error.code, kept=error.kept)
