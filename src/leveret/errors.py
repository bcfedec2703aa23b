"""The errors of leveret.

LeveretError
├── RequestError             answered to the caller, never retried; each kind has its code on the wire
│   ├── InvalidRequest       invalid_request
│   ├── UnknownAction        unknown_action
│   ├── Unauthenticated      unauthenticated
│   ├── Forbidden            forbidden
│   ├── NotFound             not_found
│   ├── Conflict             conflict
│   ├── IdReused             id_reused
│   ├── RateLimited          rate_limited
│   ├── Overloaded           overloaded
│   ├── DeadlineExceeded     deadline_exceeded
│   ├── RetriesExhausted     retries_exhausted
│   └── Internal             internal
│       └── ResponseTooLarge a response over the limit; its transaction was rolled back
├── TemporaryError           this request may pass later: it is retried
│   ├── StorageBusy          a lock or a conflict in the database
│   └── StorageFailed        the database refused a statement
│       └── FailedAlone      the database failed as in an outage, but on this request only
├── StorageUnavailable       the database does not answer, or is locked: no request's fault, the worker pauses
│   └── StorageDoubtful      it failed within a transaction: an outage only if a new connection does not answer either
├── NotSent                  client: the request was certainly not accepted
├── NoAnswer                 client: no reply in time; whether it was executed is unknown
└── WorkerStopped            the worker cannot go on and says why
    └── WorkerDeaf           it got nothing any more, or came to no end: another one may do better
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LeveretError(Exception):
    """Root of all errors that leveret raises on purpose."""


class RequestError(LeveretError):
    """A refusal that the caller gets as an error response; repeating the request would not help.

    Attributes:
        code: stable word on the wire; clients may branch on it.
        text: one sentence for a person.
        details: JSON-ready extras for the caller, or None.
        kept: the refusal is this request's answer: stored where responses are, and repeated. False where the request
            itself is not judged and the caller is told to ask again, with the same id.
    """

    code: str = "internal"
    kept: bool = True

    def __init__(self, text: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.details = details


class InvalidRequest(RequestError):
    """The message is not a request, or its data does not fit the action."""

    code = "invalid_request"


class UnknownAction(RequestError):
    """No action of that name in that version."""

    code = "unknown_action"


class Unauthenticated(RequestError):
    """No token, or one that does not verify."""

    code = "unauthenticated"


class Forbidden(RequestError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(RequestError):
    """The thing does not exist, or not for this caller."""

    code = "not_found"


class Conflict(RequestError):
    """The state of things does not allow it, such as an email that is taken."""

    code = "conflict"


class IdReused(RequestError):
    """The request id was used before with another version, action or data."""

    code = "id_reused"


class RateLimited(RequestError):
    """Too many requests from this caller; it was not executed. ``details`` say after how long to ask again."""

    code = "rate_limited"
    kept = False


class Overloaded(RequestError):
    """There is no room for this request now; it was not executed. ``details`` say after how long to ask again."""

    code = "overloaded"
    kept = False


class DeadlineExceeded(RequestError):
    """The request reached a worker, or its turn came, after its deadline; it was not executed."""

    code = "deadline_exceeded"
    kept = False


class RetriesExhausted(RequestError):
    """Every attempt failed; the request lies in the dead-letter queue."""

    code = "retries_exhausted"


class Internal(RequestError):
    """The worker failed in a way that says nothing about the request."""

    code = "internal"


class ResponseTooLarge(Internal):
    """The response of an action is larger than responses may be; its transaction is rolled back, nothing is stored."""

    kept = False


class TemporaryError(LeveretError):
    """This request failed and may pass later: raise it in an action to have the request retried."""


class StorageBusy(TemporaryError):
    """The lock of a row, a deadlock or a serialization conflict in the database."""


class StorageFailed(TemporaryError):
    """The database refused a statement; the text holds no values, since they may be secret."""


class RowRefused(StorageFailed):
    """The database refused a row of an action's own, such as one whose key is taken, which says nothing of others."""


class FailedAlone(StorageFailed):
    """The database failed on this request again and again as it does in an outage, and answered others meanwhile."""


class StorageUnavailable(LeveretError):
    """The database does not answer; nothing is known about the requests in hand."""


class StorageDoubtful(StorageUnavailable):
    """The database failed within a transaction; whether that is an outage or the request's doing is not known yet.

    Attributes:
        reason: what it said.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class NotSent(LeveretError):
    """The request was certainly not accepted by the broker; asking again is safe."""


class NoAnswer(LeveretError):
    """No reply arrived in time; the request may have been executed. Ask again with the same id."""


class WorkerStopped(LeveretError):
    """The worker ended itself; the text says why and what to do."""


class WorkerDeaf(WorkerStopped):
    """The worker lived and did nothing: no delivery came although requests wait, or those in hand came to no end.

    A new worker in its place may do better, so its supervisor should start one.
    """


BY_CODE: Mapping[str, type[RequestError]] = {
    kind.code: kind
    for kind in (
        InvalidRequest,
        UnknownAction,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        IdReused,
        RateLimited,
        Overloaded,
        DeadlineExceeded,
        RetriesExhausted,
        Internal,
    )
}
"""The error class for each code on the wire."""
