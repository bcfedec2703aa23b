"""Counts what a door answers, and serves metrics and health of it on a port of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

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


class Measured:
    """Counts the requests of an ASGI application.

    Args:
        inner: the application.
        routes: its routes; each is counted under its path as it was declared.
        counts: where it counts.
    """

    def __init__(self, inner: ASGIApp, routes: Iterable[BaseRoute], counts: HttpCounts) -> None:
        self._inner = inner
        self._paths = {_served(route): route.path for route in routes if isinstance(route, Route | Mount)}
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and count it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began, status, lasts = time.perf_counter(), 0, False

        async def noting(message: Message) -> None:
            nonlocal status, lasts
            if message["type"] == "http.response.start":
                status = message["status"]
                lasts = any(name == b"content-type" and value.startswith(_EVENTS) for name, value in message["headers"])
            await send(message)

        self._counts.begin()
        try:
            await self._inner(scope, receive, noting)
        finally:
            route = self._paths.get(scope.get("endpoint"), UNKNOWN)
            method = scope["method"] if scope["method"] in _METHODS else UNKNOWN
            seconds = None if lasts else time.perf_counter() - began
            self._counts.end(route, method, status, seconds)


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
