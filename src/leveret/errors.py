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
├── StorageUnavailable       the database does not answer, or is locked: not a request's fault, the worker pauses
│   └── StorageDoubtful      it failed within a transaction: an outage only if a new connection does not answer either
├── NotSent                  client: the request was certainly not accepted
├── NoAnswer                 client: no reply in time; whether it was executed is unknown
├── UnexpectedResult         client: it was executed, but its result is not of the type that the caller asked for
├── NotClosed                resources could not be closed when the worker had stopped
├── ResourceError            actions cannot have the resources that they name: all problems at once
├── SettingsError            settings, or what they name, cannot be used: all problems at once
└── WorkerStopped            the worker cannot go on and says why
    └── WorkerDeaf           it received nothing any more, or finished nothing: a new worker may do better
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class LeveretError(Exception):
    """Root of all errors that leveret raises on purpose."""


class RequestError(LeveretError):
    """A refusal that the caller gets as an error response; repeating the request would not help.

    Attributes:
        code: stable word on the wire; clients may branch on it.
        text: one sentence for a person.
        details: JSON-ready extras for the caller, or None.
        kept: the refusal is the response to this request: it is stored with the other responses, and sent again. False
            where the refusal says nothing about the request itself, and the caller may ask again with the same id.
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
    """The thing does not exist, or this caller may not know of it."""

    code = "not_found"


class Conflict(RequestError):
    """The present state does not allow it: an email is taken, for example."""

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
    """The worker failed, which says nothing about the request."""

    code = "internal"


class ResponseTooLarge(Internal):
    """The response of an action is larger than allowed; its transaction is rolled back, and nothing is stored."""

    kept = False


class TemporaryError(LeveretError):
    """This request failed and may pass later: raise it in an action to have the request retried."""


class StorageBusy(TemporaryError):
    """A row is locked, or the database found a deadlock or a serialization conflict."""


class StorageFailed(TemporaryError):
    """The database refused a statement; the text does not repeat values, because they may be secret."""


class RowRefused(StorageFailed):
    """The database refused a row of the application, for example because its key is taken; other requests may pass."""


class FailedAlone(StorageFailed):
    """The database failed on this request several times, as in an outage, but answered other requests meanwhile."""


class StorageUnavailable(LeveretError):
    """The database does not answer; what became of the requests in hand is not known."""


class StorageDoubtful(StorageUnavailable):
    """The database failed in a transaction; whether by an outage or because of this request is not known yet.

    Attributes:
        reason: the text of the database's error.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class NotSent(LeveretError):
    """The broker has certainly not accepted the request; asking again is safe."""


class NoAnswer(LeveretError):
    """No reply arrived in time; the request may have been executed. Ask again with the same id."""


class SettingsError(LeveretError):
    """Settings that cannot be used, or a file or a database that they name.

    Attributes:
        problems: one sentence for each problem, which begins with the setting's name.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UnexpectedResult(LeveretError):
    """The request was executed, but its result is not of the type that the caller asked for.

    Asking again does not help: an action that writes answers with the same result.

    Attributes:
        id: the request's id.
        data: the result as it came.
    """

    def __init__(self, text: str, request_id: str, data: Any) -> None:
        super().__init__(text)
        self.id = request_id
        self.data = data


class ResourceError(LeveretError):
    """Actions or resources name a resource that is missing, or resources need each other: a mistake in the program.

    Attributes:
        problems: one sentence for each problem.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NotClosed(LeveretError):
    """Resources of an application could not be closed; the work itself was done, and all others were closed.

    Attributes:
        errors: what was raised, by the names of the functions that could not close.
    """

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        super().__init__(f"could not be closed, as the log says: {', '.join(errors)}")
        self.errors = dict(errors)


class WorkerStopped(LeveretError):
    """The worker ended itself; the text says why and what to do."""


class WorkerDeaf(WorkerStopped):
    """The worker ran but did no work: it received nothing although requests wait, or finished none of those it held.

    A new worker may do better, so the supervisor should start one.
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
