"""Puts a gateway together: a path for each of the application's routes, and the paths that every gateway has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.types import ASGIApp

from leveret.api import RateLimit
from leveret.application import Application
from leveret.contracts.event_stream import EVENT_STREAM
from leveret.web.gateway.accepted import PATH, AcceptedRequests
from leveret.web.gateway.concrete_paths import ConcretePaths
from leveret.web.gateway.endpoints import Behind, Endpoint, PathEndpoint, RouteEndpoint
from leveret.web.gateway.event_streams import EventStreams
from leveret.web.gateway.event_watch import EventWatch
from leveret.web.gateway.problems import HttpProblem
from leveret.web.gateway.responses import problem_response
from leveret.web.gateway.running import Running
from leveret.web.gateway.upstream import LateUpstream, Upstream
from leveret.wire.ids import new_id

logger = logging.getLogger("leveret.gateway")


def build_gateway(
    app: Application[Any],
    upstream: LateUpstream,
    opened: Callable[[], AbstractAsyncContextManager[Upstream]],
    *,
    timeout: float,
    rate_limit: RateLimit | None = None,
    pages: Mapping[str, Endpoint] | None = None,
    ending: asyncio.Event | None = None,
) -> Starlette:
    """Return the ASGI application that serves an application's routes.

    Args:
        app: the application; all of its actions are registered.
        upstream: carries the calls by what is opened.
        opened: opens what carries the calls, while the gateway serves.
        timeout: seconds in which a call must be answered.
        rate_limit: how many requests each user may send, as callers are told; workers apply it.
        pages: what is served beside the routes, by its paths; a route of the application goes before it.
        ending: when it is set, streams of events end at once; None if they last as long as the gateway.
    """
    watch = EventWatch(upstream, timeout)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with opened() as carrying:
            upstream.use(carrying)
            async with watch.running(ending or asyncio.Event()):
                yield

    paths = {**_paths(app, upstream, timeout, rate_limit, watch)}
    for path, served_beside in (pages or {}).items():
        paths.setdefault(path, PathEndpoint({"GET": served_beside}))
    served = Starlette(
        routes=[Path(path, endpoint) for path, endpoint in paths.items()],
        middleware=[Middleware(ConcretePaths, paths)],
        exception_handlers={HTTPException: _unknown_path, Exception: _failure},
        lifespan=lifespan,
    )
    served.router.redirect_slashes = False
    return served


def _paths(
    app: Application[Any], upstream: Upstream, timeout: float, rate_limit: RateLimit | None, watch: EventWatch
) -> Mapping[str, ASGIApp]:
    routes = app.routes
    accepted = AcceptedRequests(routes, upstream, timeout)
    behind = Behind(upstream, Running(), accepted, timeout, rate_limit)
    paths: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        endpoint = RouteEndpoint(route, app.find(route.version, route.name), behind)
        paths.setdefault(route.path, {})[route.method] = endpoint
    paths.setdefault(f"{PATH}{{request_id}}", {"GET": accepted})
    if app.events:
        paths.setdefault(EVENT_STREAM, {"GET": EventStreams(upstream, watch, f"/{app.name}", timeout)})
    return {path: PathEndpoint(endpoints) for path, endpoints in paths.items()}


async def _unknown_path(request: Request, _: Exception) -> Response:
    """Answer a request for a path that no route has."""
    return problem_response(request, HttpProblem("unknown_path", f"There is no path {request.url.path}"), new_id())


async def _failure(request: Request, error: Exception) -> Response:
    """Answer a request on which the gateway itself failed; the log gets the traceback, and the caller does not."""
    request_id = new_id()
    logger.error("%s %s failed, request %s", request.method, request.url.path, request_id, exc_info=error)
    problem = HttpProblem("internal", f"The gateway failed on this request; its log says why under {request_id}")
    return problem_response(request, problem, request_id)
