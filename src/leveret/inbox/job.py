"""One request as the store's user sees it: what runs, what it came to, and its row."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import IdReused, RequestError, StorageFailed
from leveret.sql.records import Key, Row, Stored
from leveret.wire.codec import refusal


def always() -> bool:
    """Say yes; the ``wanted`` of a job that nobody calls off."""
    return True


class Job(Struct, frozen=True):
    """One request, ready to run in a transaction.

    Attributes:
        key: principal and request id.
        fingerprint: digest of version, action and data.
        version: for the row.
        action: for the row.
        stores: its response is stored and repeated.
        run: makes the response out of a connection; may raise.
        journal: it was delivered before and its worker may have died: run it alone, after its attempt was committed.
        other_fingerprints: what the fingerprint is with another secret, which a row may have been written with.
        reads: its action is not declared to write, and may not.
        alone: it shares no transaction with others.
        wanted: asked right before it begins, in the lane's thread; when nobody wants it any more, it does not begin.
    """

    key: Key
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


class Answered(Struct, frozen=True):
    """The job has a response.

    Attributes:
        response: the encoded reply.
        code: an error's code.
        replayed: it is a stored one.
        kept: it is the answer to this request for good, see ``RequestError.kept``.
    """

    response: bytes
    code: str | None = None
    replayed: bool = False
    kept: bool = True


class Failed(Struct, frozen=True):
    """The attempt failed and nothing of it was kept.

    Attributes:
        error: why.
    """

    error: BaseException


class Deadly(Struct, frozen=True):
    """Workers died on this request; it was not run again."""

    deaths: int


Result = Answered | Failed | Deadly


class NotWanted(Exception):
    """Nobody waits for this job any more; it did not begin."""


def undeclared(job: Job) -> StorageFailed:
    """Say that an action has written that is not declared so."""
    return StorageFailed(
        f"{job.version}.{job.action} writes in the database and is not declared with writes=True: its effect would come"
        " again with each repeat of the request"
    )


def repeat(job: Job, stored: Stored) -> Answered:
    """Answer a job from the row of its key: with the stored response, or with ``id_reused`` for another request."""
    if stored.fingerprint == job.fingerprint or stored.fingerprint in job.other_fingerprints:
        return Answered(stored.response, replayed=True)
    return refused(job, IdReused(f"Request id {job.key.id!r} was used before with another version, action or data"))


def refused(job: Job, error: RequestError) -> Answered:
    """Answer a job with a refusal."""
    return Answered(refusal(job.key.id, error), error.code, kept=error.kept)


def row_of(job: Job, response: bytes) -> Row:
    """Make the row that keeps a response."""
    return Row(job.key, job.fingerprint, job.version, job.action, response)
