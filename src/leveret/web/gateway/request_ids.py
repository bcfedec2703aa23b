"""Two ids: ours, by which ``explain`` and the workers' logs know a request, and that of the caller's own logs.

The caller's id is given back and logged. It does not become ours, because programs give several requests of one task
the same one, and two requests with one id of ours are one request.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from leveret.errors import InvalidRequest
from leveret.wire.codec import check_id

OURS: Final = "Request-Id"
"""Header of an answer: the id of the request that workers got; the ``Idempotency-Key`` where there was one."""

CALLERS: Final = "X-Request-Id"
"""Header of a request and of its answer: the id in the caller's logs."""


def id_headers(request: Request, request_id: str) -> dict[str, str]:
    """Return the headers of an answer that tell ids."""
    given = callers_id(request)
    return {OURS: request_id} if given is None else {OURS: request_id, CALLERS: given}


def callers_id(request: Request) -> str | None:
    """Return the id of the caller's logs; None without one, and where it is not one of up to 128 ASCII characters."""
    given = request.headers.get(CALLERS)
    if given is None:
        return None
    try:
        check_id(given)
    except InvalidRequest:
        return None
    return given
