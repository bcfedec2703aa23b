"""Requests that were sent without waiting for their answer: where the answer is found later."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from leveret.api.route import Route
from leveret.errors import LeveretError
from leveret.process.backoff import Backoff
from leveret.web.gateway.problems import HttpProblem, of_error, of_reply
from leveret.web.gateway.reading import HttpCall, read_token
from leveret.web.gateway.responses import accepted_response, data_response, problem_response
from leveret.web.gateway.token_claims import claimed_subject
from leveret.web.gateway.upstream import Upstream
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply
from leveret.wire.ids import new_id

PATH: Final = "/requests/"
"""Under which the answer to a request is found by its id."""

QUESTION: Final = ("v1", "stored_response")
"""Version and name of the action that is asked for stored responses."""

_MARK: Final = "accepted"
"""Name of what the address has beside the id: it tells a request that was accepted from one that never came."""

_SOON: Final = "1"
"""Seconds after which to ask again."""


class AcceptedRequests:
    """Finds the stored responses of requests that were accepted before.

    Args:
        routes: those of the application, which say with which status an action answers.
        upstream: carries calls.
        timeout: seconds in which a call must be answered.
    """

    def __init__(self, routes: list[Route], upstream: Upstream, timeout: float) -> None:
        self._statuses: dict[tuple[str, str], int] = {}
        for route in routes:
            self._statuses.setdefault((route.version, route.name), route.status)
        self._upstream = upstream
        self._timeout = timeout

    async def answer(self, request: Request) -> Response:
        """Answer a request for the response to an earlier one, which has to be the same caller's."""
        asked = new_id()
        try:
            token, wanted = read_token(request), request.path_params["request_id"]
            stored = await self._stored(token, wanted, asked)
            if stored is not None:
                return self._stored_response(request, stored, wanted)
            given = request.query_params.get(_MARK, "")
            if not secrets.compare_digest(given.encode(), mark(token, wanted).encode()):
                raise HttpProblem(
                    "not_found", "No response is stored under this id for this caller: follow the Location of the 202"
                )
        except LeveretError as error:
            return problem_response(request, of_error(error), asked)
        return accepted_response(request, wanted, address(token, wanted))

    async def wait_for(self, request: Request, call: HttpCall, seconds: float) -> Response | None:
        """Return the response to a request as soon as it is stored; None if that is not within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                for pause in Backoff(first=0.02, most=0.5):
                    if (stored := await self._stored(call.token, call.id, new_id())) is not None:
                        return self._stored_response(request, stored, call.id)
                    await asyncio.sleep(pause)
        except (TimeoutError, LeveretError):
            return None
        return None

    async def _stored(self, token: str, wanted: str, asked: str) -> Mapping[str, Any] | None:
        """Return what is stored; None if nothing is.

        Raises:
            LeveretError: nobody could tell, or the caller may not know.
        """
        version, name = QUESTION
        data = {"request_id": wanted}
        received = await self._upstream.ask(name, data, version=version, token=token, id=asked, timeout=self._timeout)
        if received.reply.status == "error":
            raise of_reply(received.reply)
        found: Mapping[str, Any] = received.reply.data
        return found if found["state"] == "done" else None

    def _stored_response(self, request: Request, stored: Mapping[str, Any], wanted: str) -> Response:
        reply = msgspec.convert(stored["response"], Reply)
        if reply.status == "error":
            return problem_response(request, of_reply(reply), wanted)
        status = self._statuses.get((stored["version"], stored["action"]), HTTPStatus.OK)
        return data_response(request, encode_json(reply.data), status, wanted)


def address(token: str, request_id: str) -> str:
    """Return the path under which the answer to a request is found later."""
    return f"{PATH}{quote(request_id, safe='')}?{urlencode({_MARK: mark(token, request_id)})}"


def mark(token: str, request_id: str) -> str:
    """Return what shows that a request of this caller was accepted.

    It needs no secret: who makes one up only learns that nothing is stored under the own id. Workers check the token.
    """
    return hashlib.sha256(encode_json([claimed_subject(token), request_id])).hexdigest()[:16]
