"""From an HTTP request to the call of an action."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request

from leveret.api import Action
from leveret.api.route import BODY_METHODS, Route
from leveret.errors import InvalidRequest
from leveret.web.gateway.conditions import expected_version
from leveret.web.gateway.keys import HEADER, read_key
from leveret.web.gateway.problems import HttpProblem
from leveret.web.gateway.texts import Texts, split_query
from leveret.wire.codec import decode_object
from leveret.wire.ids import new_id
from leveret.wire.limits import LARGEST_REQUEST

_BEARER: Final = re.compile(r"[Bb]earer +([\x21-\x7e]+) *")
_JSON: Final = re.compile(r"application/(?:json|[a-z0-9.-]+\+json)", re.IGNORECASE)
_CHARSET: Final = re.compile(r';\s*charset="?(?!utf-?8"?\s*(?:;|$))', re.IGNORECASE)


class HttpCall(Struct, frozen=True):
    """A call that came over HTTP.

    Attributes:
        data: the action's input.
        token: that of the caller; empty for none.
        id: the request's id.
        has_key: whether the caller chose the id with an ``Idempotency-Key``.
    """

    data: dict[str, Any]
    token: str
    id: str
    has_key: bool


class RequestReader:
    """Reads the requests of one route."""

    def __init__(self, route: Route, action: Action) -> None:
        self._route = route
        self._texts = Texts(action)

    async def read(self, request: Request) -> HttpCall:
        """Read a request.

        Raises:
            HttpProblem, InvalidRequest: it cannot become a call.
            ClientDisconnect: the caller went away before the body was whole.
        """
        key = read_key(request.headers.getlist(HEADER), needed=self._route.needs_key)
        data = self._texts.read(request.path_params.items())
        query = split_query(request.scope["query_string"])
        if self._route.method not in BODY_METHODS:
            _add(data, self._texts.read(query), "the query")
        elif query:
            raise InvalidRequest(f"{self._route.method} takes no query: {query[0][0]!r} belongs into the body")
        else:
            _add(data, await _body(request), "the body")
        if (expected := expected_version(self._route, request)) is not None:
            _add(data, {self._route.if_match: expected}, "If-Match")
        if missing := [name for name in self._route.needs if name not in data]:
            raise InvalidRequest(f"Field {missing[0]} is missing")
        return HttpCall(data, read_token(request), key or new_id(), key is not None)


def read_token(request: Request) -> str:
    """Return the token of a request; empty for none.

    Raises:
        HttpProblem: the header is not that of a bearer token (RFC 6750, 2.1).
    """
    values = request.headers.getlist("authorization")
    if not values:
        return ""
    if len(values) == 1 and (found := _BEARER.fullmatch(values[0])):
        return found[1]
    raise HttpProblem(
        "unauthenticated", "Authorization has to be: Bearer, a blank, a token", headers={"WWW-Authenticate": "Bearer"}
    )


def _add(data: dict[str, Any], more: Mapping[str, Any], place: str) -> None:
    for name, value in more.items():
        if name in data and data[name] != value:
            raise InvalidRequest(f"Field {name} stands in {place}, and elsewhere with another value")
        data[name] = value


async def _body(request: Request) -> dict[str, Any]:
    body = await _bytes(request)
    if not body:
        return {}
    kind = request.headers.get("content-type", "")
    if not _JSON.fullmatch(kind.partition(";")[0].strip()) or _CHARSET.search(kind):
        raise HttpProblem(
            "unsupported_media_type",
            f"The body is {kind[:100] or 'of no known type'}: send a JSON object with Content-Type: application/json",
            headers={"Accept": "application/json"},
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpProblem(
            "unsupported_media_type",
            "The body is encoded: send it as it is, without Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )
    return decode_object(body, subject="The body")


async def _bytes(request: Request) -> bytes:
    """Return the body, of which no more is read than a request may have."""
    length = request.headers.get("content-length")
    if length is not None and length.isdecimal() and (len(length) > 9 or int(length) > LARGEST_REQUEST):
        raise _too_large()
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_REQUEST:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> HttpProblem:
    return HttpProblem("too_large", f"The body is too large: at most {LARGEST_REQUEST} bytes are taken")
