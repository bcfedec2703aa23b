"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from leveret.contracts.statuses import ProblemType, problem_of
from leveret.errors import LeveretError, NoAnswer, NotSent, RequestError
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply
from leveret.wire.limits import LONGEST_ERROR_TEXT
from leveret.wire.masking import shown

MEDIA_TYPE: Final = "application/problem+json"

_SOON: Final = 1
"""Seconds after which to ask again where nobody knows better."""


class HttpProblem(LeveretError):
    """An answer that is an error.

    Args:
        code: one of ``leveret.contracts.statuses.PROBLEMS``, or a code of the application.
        detail: what happened, to which thing, and what to do.
        details: JSON-ready extras for the caller.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.details = details
        self.headers = dict(headers or {})

    @property
    def problem(self) -> ProblemType:
        """What its code is over HTTP."""
        return problem_of(self.code)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.problem.status)

    def body(self, request_id: str, types: str, instance: str) -> bytes:
        """Return the body of the answer.

        Args:
            request_id: the request's id, by which operators find it.
            types: the address under which each code has its page.
            instance: path of the request.
        """
        members: dict[str, Any] = {
            "type": self.problem.type or f"{types}{self.code}",
            "title": self.problem.title,
            "status": self.status,
            "detail": shown(self.detail, LONGEST_ERROR_TEXT),
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.details is not None:
            members["details"] = self.details
        return encode_json(members)


def of_error(error: LeveretError) -> HttpProblem:
    """Return the problem that says what an error of the client says."""
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, RequestError):
        return of_refusal(error.code, error.text, error.details)
    if isinstance(error, NotSent):
        return HttpProblem("broker_unavailable", str(error), headers={"Retry-After": str(_SOON)})
    if isinstance(error, NoAnswer):
        return HttpProblem("no_answer", str(error))
    return HttpProblem("internal", "The gateway failed; its log says why")


def of_reply(reply: Reply) -> HttpProblem:
    """Return the problem that an error response is."""
    details = None if reply.details is UNSET else reply.details
    return of_refusal(reply.code or "internal", reply.error or "The response is an error without a text", details)


def of_refusal(code: str, text: str, details: Mapping[str, Any] | None) -> HttpProblem:
    """Return the problem for the refusal of an action, a worker or the broker."""
    headers = {}
    after = (details or {}).get("retry_after")
    if isinstance(after, int | float) and not isinstance(after, bool) and math.isfinite(after):
        headers["Retry-After"] = str(max(math.ceil(after), 0))  # whole seconds, RFC 9110, 10.2.3
    if code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 11.6.1
    return HttpProblem(code, text, details=details, headers=headers)
