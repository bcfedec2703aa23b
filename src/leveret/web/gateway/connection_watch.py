"""Ends connections whose callers take too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from leveret.web.gateway.connections import ConnectionLimits, HttpConnection, RequestPart
from leveret.web.gateway.problems import HttpProblem

_PAUSE: Final = 1.0
"""Seconds between two looks."""


class ConnectionWatch:
    """Ends connections whose callers take too long. It looks at all of them once in a while, so requests cost nothing.

    Args:
        limits: how long they may take.
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._seen: dict[HttpConnection, tuple[object, float]] = {}

    def look(self, connections: set[Any]) -> None:
        """End what has been in one state for too long since this was first seen."""
        now, seen = self._clock(), dict[HttpConnection, tuple[object, float]]()
        for connection in [each for each in connections if isinstance(each, HttpConnection)]:
            state, most = self._state(connection)
            before, since = self._seen.get(connection, (None, now))
            since = since if before == state else now
            if now - since >= most:
                _end(connection)
            else:
                seen[connection] = state, since
        self._seen = seen

    def _state(self, connection: HttpConnection) -> tuple[object, float]:
        limits = self._limits
        if connection.is_stuck:
            return "stuck", limits.stuck_seconds
        if connection.part is RequestPart.BODY:
            return connection.parts, limits.body_seconds
        if connection.part is RequestPart.HEAD or not connection.parts:
            return connection.parts, limits.head_seconds
        return connection.parts, float("inf")  # it is answered, or idle, for which uvicorn has a timer


def _end(connection: HttpConnection) -> None:
    if connection.is_stuck:
        connection.transport.abort()
    elif not connection.parts:
        connection.transport.close()  # it has sent nothing
    else:
        connection.refuse(HttpProblem("request_timeout", "The request did not arrive in time; nothing was done"))


@asynccontextmanager
async def watching(watch: ConnectionWatch, connections: set[Any]) -> AsyncIterator[None]:
    """Look at connections every second while the block runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            watch.look(connections)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
