"""One log line for each HTTP request: its route, status and duration, and the ids by which others know it."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Final

from starlette.types import Scope

from leveret.observe.logs import MORE_FIELDS
from leveret.web.measuring import Answered
from leveret.wire.trace_context import trace_of

logger: Final = logging.getLogger("leveret.gateway")

_IDS: Final = {b"request-id": "request_id", b"x-request-id": "caller_request_id"}


def write_line(answered: Answered) -> None:
    """Write the line of a request that was answered; the path is that of the route, so it holds nothing of a caller."""
    if not logger.isEnabledFor(logging.INFO):
        return
    found = {_IDS[name]: value.decode("latin-1") for name, value in answered.headers if name in _IDS}
    request_id = found.pop("request_id", "-")
    logger.info(
        "%s %s %d: %s in %.1f ms",
        answered.method,
        answered.route,
        answered.status,
        request_id,
        answered.seconds * 1000,
        extra={"request_id": request_id, MORE_FIELDS: partial(_fields, answered, found)},
    )


def _fields(answered: Answered, ids: dict[str, str]) -> dict[str, Any]:
    return {
        "method": answered.method,
        "route": answered.route,
        "status": answered.status,
        "duration": round(answered.seconds, 6),
        "client": _client(answered.scope),
        **ids,
        **_trace(answered.scope),
    }


def _trace(scope: Scope) -> dict[str, str]:
    given = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"}
    found = trace_of(given)
    return {"trace_id": found.trace_id} if found else {}


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
