"""The way of an HTTP request, from top to bottom: read it, call the action, answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Protocol

from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leveret.api import Action, RateLimit, Route
from leveret.client import ReceivedReply
from leveret.errors import LeveretError
from leveret.web.gateway.accepted import AcceptedRequests, address
from leveret.web.gateway.conditions import is_known, tag_of
from leveret.web.gateway.negotiation import check_accept
from leveret.web.gateway.passed_traces import note_trace
from leveret.web.gateway.preferring import HEADER, Preferences, read_preferences
from leveret.web.gateway.problems import HttpProblem, of_error, of_reply
from leveret.web.gateway.rate_limit_fields import CODE, policies, policy_field, refused_field
from leveret.web.gateway.reading import HttpCall, RequestReader
from leveret.web.gateway.responses import accepted_response, data_response, problem_response
from leveret.web.gateway.running import Running
from leveret.web.gateway.upstream import Upstream
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply
from leveret.wire.ids import new_id

logger = logging.getLogger("leveret.gateway")

_VARY: Final = {"Vary": HEADER}
_READS: Final = ("GET", "HEAD")


class Behind(Struct, frozen=True):
    """What all routes of a gateway have behind them.

    Attributes:
        upstream: carries calls.
        running: which requests with a key run now.
        accepted: finds the answers to requests that did not wait.
        timeout: seconds in which a call must be answered.
        rate_limit: how many requests each user may send; None for any number.
    """

    upstream: Upstream
    running: Running
    accepted: AcceptedRequests
    timeout: float
    rate_limit: RateLimit | None = None


class Endpoint(Protocol):
    """Answers the requests for one path with one method."""

    async def answer(self, request: Request) -> Response:
        """Answer a request, also with an error."""


class RouteEndpoint:
    """Serves one route."""

    def __init__(self, route: Route, action: Action, behind: Behind) -> None:
        self._route = route
        self._reader = RequestReader(route, action)
        self._behind = behind
        self._can_wait = action.writes and not action.public
        self._limits = policies(action, behind.rate_limit)
        self._always = {**(_VARY if self._can_wait else {}), **policy_field(self._limits)}

    async def answer(self, request: Request) -> Response:
        """Answer a request, also with an error."""
        call: HttpCall | None = None
        try:
            check_accept(request)
            note_trace(request.scope)
            call = await self._reader.read(request)
            wishes = read_preferences(request.headers.getlist(HEADER))
            with self._behind.running.beginning(call):
                if wishes.is_async and self._can_wait:
                    return await self._accept(request, call, wishes)
                return self._response(request, await self._ask(call, wishes), call, wishes)
        except LeveretError as error:
            return self._problem(request, of_error(error), call.id if call else new_id(), {})

    async def _ask(self, call: HttpCall, wishes: Preferences) -> ReceivedReply:
        route, timeout = self._route, self._behind.timeout
        limit = timeout if wishes.wait is None else min(max(wishes.wait, 1), timeout)
        return await self._behind.upstream.ask(
            route.name, call.data, version=route.version, token=call.token, id=call.id, timeout=limit
        )

    async def _accept(self, request: Request, call: HttpCall, wishes: Preferences) -> Response:
        """Send the request, and answer that it was accepted, unless its own answer comes soon enough."""
        route, behind = self._route, self._behind
        await behind.upstream.send(
            route.name, call.data, version=route.version, token=call.token, id=call.id, timeout=behind.timeout
        )
        seconds = min(wishes.wait or 0, behind.timeout)
        if seconds and (response := await behind.accepted.wait_for(request, call, seconds)):
            response.headers.update({**self._always, **wishes.applied(is_async=False)})
            return response
        headers = {**self._always, **wishes.applied(is_async=True)}
        return accepted_response(request, call.id, address(call.token, call.id), headers)

    def _response(self, request: Request, received: ReceivedReply, call: HttpCall, wishes: Preferences) -> Response:
        reply, headers = received.reply, {**self._always, **wishes.applied(is_async=False)}
        if reply.status == "error":
            return self._problem(request, self._refusal(request, reply), call.id, headers)
        if tag := tag_of(self._route, reply.data):
            headers["ETag"] = tag
            if request.method in _READS and is_known(request, tag):
                return data_response(request, b"", HTTPStatus.NOT_MODIFIED, call.id, headers)
        if self._route.location and isinstance(reply.data, dict):
            headers["Location"] = self._route.location.format_map(reply.data)
        return data_response(request, encode_json(reply.data), self._route.status, call.id, headers)

    def _refusal(self, request: Request, reply: Reply) -> HttpProblem:
        """Return the problem that a refusal is; a conflict over the version that If-Match demanded has its own."""
        problem, field = of_reply(reply), self._route.if_match
        if field and problem.code == "conflict" and field in (problem.details or {}) and "if-match" in request.headers:
            return HttpProblem("precondition_failed", problem.detail, details=problem.details)
        return problem

    def _problem(self, request: Request, problem: HttpProblem, request_id: str, headers: Mapping[str, str]) -> Response:
        over = refused_field(self._limits, problem.details or {}) if problem.code == CODE else {}
        return problem_response(request, problem, request_id, {**self._always, **headers, **over})


class PathEndpoint:
    """Serves one path with all of its methods, and HEAD and OPTIONS; an application for ASGI."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)
        if "GET" in endpoints:
            self._endpoints["HEAD"] = endpoints["GET"]
        self._allow = ", ".join([*sorted(self._endpoints), "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a caller who went away gets nothing."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            logger.info("%s %s: the caller went away before its request was whole", request.method, request.url.path)
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allow})
        if endpoint := self._endpoints.get(request.method):
            return await endpoint.answer(request)
        problem = HttpProblem(
            "method_not_allowed", f"{request.method} is not one of {self._allow}", headers={"Allow": self._allow}
        )
        return problem_response(request, problem, new_id())
