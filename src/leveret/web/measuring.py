"""Counts what a door answers, and serves metrics and health of it on a port of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leveret.errors import SettingsError
from leveret.observe.http_counts import UNKNOWN, HttpCounts
from leveret.observe.page_set import door_pages
from leveret.observe.pages import PageServer
from leveret.process.urls import shown_host

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_EVENTS: Final = b"text/event-stream"

_BEAT: Final = 1.0
"""Seconds between two notes that the event loop moves."""


class Answered(NamedTuple):
    """A request that was answered.

    Attributes:
        scope: the request, as ASGI has it.
        route: its path as it was declared, or ``-`` where it has none.
        method: ``-`` for one that HTTP does not have.
        status: of the answer; 0 where there was none, because the caller went away.
        seconds: until it was answered whole.
        headers: of the answer.
    """

    scope: Scope
    route: str
    method: str
    status: int
    seconds: float
    headers: Sequence[tuple[bytes, bytes]]


def _silent(_: Answered) -> None:
    pass


class Measured:
    """Counts the requests of an ASGI application, and tells of each one.

    Args:
        inner: the application.
        routes: its routes; each is counted under its path as it was declared.
        counts: where it counts.
        tell: is told of each request when it was answered.
    """

    def __init__(
        self,
        inner: ASGIApp,
        routes: Iterable[BaseRoute],
        counts: HttpCounts,
        tell: Callable[[Answered], None] = _silent,
    ) -> None:
        self._inner = inner
        self._paths = {_served(route): route.path for route in routes if isinstance(route, Route | Mount)}
        self._counts = counts
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and count it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began, status, lasts = time.perf_counter(), 0, False
        headers: Sequence[tuple[bytes, bytes]] = ()

        async def noting(message: Message) -> None:
            nonlocal status, lasts, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                lasts = any(name == b"content-type" and value.startswith(_EVENTS) for name, value in headers)
            await send(message)

        self._counts.begin()
        try:
            await self._inner(scope, receive, noting)
        finally:
            route = self._paths.get(scope.get("endpoint"), UNKNOWN)
            method = scope["method"] if scope["method"] in _METHODS else UNKNOWN
            seconds = time.perf_counter() - began
            self._counts.end(route, method, status, None if lasts else seconds)
            self._tell(Answered(scope, route, method, status, seconds, headers))


@contextmanager
def measured_pages(
    place: tuple[str, int] | None, door: str, counts: HttpCounts, not_ready: Callable[[], list[str]]
) -> Iterator[str | None]:
    """Serve metrics and health of a door while the block runs.

    Args:
        place: address and port; None for no pages.
        door: ``console`` or ``gateway``.
        counts: what the door has counted.
        not_ready: returns why it cannot do its work at present, one sentence for each reason.

    Yields:
        Where the pages are, as in a URL; None where there are none.

    Raises:
        SettingsError: prometheus-client is not installed, or the port cannot be had.
    """
    if place is None:
        yield None
        return
    pages = door_pages(door, counts, not_ready)
    try:
        server = PageServer(*place, pages)
    except OSError as error:
        where = shown_host(*place)
        raise SettingsError([f"metrics cannot be served at {where}: {error.strerror or error}"]) from error
    with server:
        yield server.address


@asynccontextmanager
async def beating(counts: HttpCounts) -> AsyncIterator[None]:
    """Note every second while the block runs that the event loop moves."""

    async def beat() -> None:
        while True:
            counts.beat()
            await asyncio.sleep(_BEAT)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


def _served(route: Route | Mount) -> Any:
    return route.app if isinstance(route, Mount) else route.endpoint
