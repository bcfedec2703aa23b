"""The way of an HTTP request, from top to bottom: read it, call the action, answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leveret.api import Action
from leveret.api.route import Route
from leveret.client import ReceivedReply
from leveret.errors import LeveretError
from leveret.web.gateway.problems import MEDIA_TYPE, HttpProblem, of_error, of_refusal
from leveret.web.gateway.reading import HttpCall, RequestReader
from leveret.web.gateway.request_ids import id_headers
from leveret.web.gateway.running import Running
from leveret.web.gateway.upstream import Upstream
from leveret.wire.codec import encode_json
from leveret.wire.ids import new_id

logger = logging.getLogger("leveret.gateway")

JSON: Final = "application/json"
PROBLEM_PAGES: Final = "/problems/"
"""The path under which each code has its page."""


class RouteEndpoint:
    """Serves one route."""

    def __init__(self, route: Route, action: Action, upstream: Upstream, running: Running, timeout: float) -> None:
        self._route = route
        self._reader = RequestReader(route, action)
        self._upstream = upstream
        self._running = running
        self._timeout = timeout

    async def answer(self, request: Request) -> Response:
        """Answer a request, also with an error."""
        call: HttpCall | None = None
        try:
            call = await self._reader.read(request)
            received = await self._call(call)
        except LeveretError as error:
            return problem_response(request, of_error(error), call.id if call else new_id())
        return self._response(request, received, call)

    async def _call(self, call: HttpCall) -> ReceivedReply:
        with self._running.beginning(call):
            route = self._route
            return await self._upstream.ask(
                route.name, call.data, version=route.version, token=call.token, id=call.id, timeout=self._timeout
            )

    def _response(self, request: Request, received: ReceivedReply, call: HttpCall) -> Response:
        reply = received.reply
        if reply.status == "error":
            problem = of_refusal(str(reply.code or "internal"), reply.error or "", reply.details or None)
            return problem_response(request, problem, call.id)
        headers = {**id_headers(request, call.id), "Cache-Control": "no-store"}
        if self._route.status == 204:
            return Response(status_code=204, headers=headers)
        return Response(encode_json(reply.data), self._route.status, headers, JSON)


class PathEndpoint:
    """Serves one path with all of its methods, and HEAD and OPTIONS; an application for ASGI."""

    def __init__(self, endpoints: Mapping[str, RouteEndpoint]) -> None:
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


def problem_response(request: Request, problem: HttpProblem, request_id: str) -> Response:
    """Return the answer that an error is."""
    types = f"{str(request.base_url).rstrip('/')}{PROBLEM_PAGES}"
    body = problem.body(request_id, types, request.url.path)
    headers = {**id_headers(request, request_id), "Cache-Control": "no-store", **problem.headers}
    return Response(body, problem.status, headers, MEDIA_TYPE)
