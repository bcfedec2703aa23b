"""The one table from error codes to HTTP: status, title, and what the caller does. The documentation shows it too."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from msgspec import Struct


class ProblemType(Struct, frozen=True):
    """What a code is over HTTP.

    Attributes:
        status: of the answer.
        title: a few words that are the same for each answer with this code (RFC 9457, 3.1.3).
        advice: what the caller does.
        type: URI of a type that is registered elsewhere; empty for our own page about the code.
    """

    status: HTTPStatus
    title: str
    advice: str
    type: str = ""


_QUOTA: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"
_CAPACITY: Final = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"

PROBLEMS: Final[Mapping[str, ProblemType]] = {
    # What actions, workers and clients answer: the codes of the wire.
    "invalid_request": ProblemType(
        HTTPStatus.BAD_REQUEST, "Invalid request", "Correct the request; the detail names the field."
    ),
    "unknown_action": ProblemType(
        HTTPStatus.NOT_FOUND, "Unknown action", "The workers are of another version than the gateway: tell an operator."
    ),
    "unauthenticated": ProblemType(
        HTTPStatus.UNAUTHORIZED, "Not authenticated", "Log in, and send the token as Authorization: Bearer."
    ),
    "forbidden": ProblemType(HTTPStatus.FORBIDDEN, "Forbidden", "The caller is known and may not do this."),
    "not_found": ProblemType(
        HTTPStatus.NOT_FOUND, "Not found", "It does not exist any more, or it belongs to somebody else."
    ),
    "conflict": ProblemType(
        HTTPStatus.CONFLICT, "Conflict", "Read the present state, decide, and ask for something else with a new key."
    ),
    "id_reused": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Idempotency-Key is already used",
        "Take a new key: this one was used with another request.",
    ),
    "rate_limited": ProblemType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests",
        "Ask again with the same key after Retry-After; this attempt did nothing.",
        _QUOTA,
    ),
    "overloaded": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Overloaded",
        "Ask again with the same key after Retry-After; this attempt did nothing.",
        _CAPACITY,
    ),
    "deadline_exceeded": ProblemType(
        HTTPStatus.GATEWAY_TIMEOUT, "Too late", "This attempt did nothing; ask again if it still matters."
    ),
    "retries_exhausted": ProblemType(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Every attempt failed",
        "Tell an operator, who keeps the request; when the cause is mended, ask again with the same key.",
    ),
    "internal": ProblemType(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Internal error",
        "Tell an operator the request id; ask again with the same key later.",
    ),
    # What the gateway itself says of a request that reached no worker, or came back from none.
    "no_answer": ProblemType(
        HTTPStatus.GATEWAY_TIMEOUT,
        "No answer in time",
        "The request may have been executed. Ask again with the same Idempotency-Key: the effect happens once.",
    ),
    "broker_unavailable": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The broker is away",
        "The request was certainly not sent: ask again after Retry-After.",
    ),
    "in_progress": ProblemType(
        HTTPStatus.CONFLICT,
        "The same request is still running",
        "Ask again with the same key after Retry-After, and get the answer of the first.",
    ),
    "key_missing": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "Idempotency-Key is missing",
        "Send a key that is new for each request, such as a UUID, and the same one when you ask again.",
    ),
    "precondition_failed": ProblemType(
        HTTPStatus.PRECONDITION_FAILED,
        "It was changed meanwhile",
        "Read it again, decide, and ask with its new ETag and a new key.",
    ),
    "precondition_required": ProblemType(
        HTTPStatus.PRECONDITION_REQUIRED, "If-Match is missing", "Read it first, and send its ETag as If-Match."
    ),
    "unknown_path": ProblemType(HTTPStatus.NOT_FOUND, "No such path", "See the OpenAPI document at /openapi.json."),
    "method_not_allowed": ProblemType(
        HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed", "Allow names the methods of this path."
    ),
    "not_acceptable": ProblemType(
        HTTPStatus.NOT_ACCEPTABLE, "Not acceptable", "Take application/json, or send no Accept."
    ),
    "method_unknown": ProblemType(
        HTTPStatus.NOT_IMPLEMENTED, "Unknown method", "Use a method that the OpenAPI document names."
    ),
    "request_timeout": ProblemType(
        HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly", "Send it again, with the same key."
    ),
    "target_too_long": ProblemType(
        HTTPStatus.REQUEST_URI_TOO_LONG, "Path and query too long", "Send less in path and query."
    ),
    "header_too_large": ProblemType(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Header fields too large", "Send fewer or shorter header fields."
    ),
    "too_many_connections": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many connections",
        "Connect again after Retry-After, and keep connections open for several requests.",
        _CAPACITY,
    ),
    "too_large": ProblemType(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large", "Send less in one request."),
    "unsupported_media_type": ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", "Send a JSON object as application/json in UTF-8."
    ),
}
"""Each code of a problem, with what it is over HTTP."""

UNKNOWN: Final = ProblemType(
    HTTPStatus.INTERNAL_SERVER_ERROR, "Error", "An action answered with a code of its own; the detail says more."
)
"""What a code is that is not in the table: an application may have codes of its own."""


def problem_of(code: str) -> ProblemType:
    """Return what a code is over HTTP."""
    return PROBLEMS.get(code, UNKNOWN)
