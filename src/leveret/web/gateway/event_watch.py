"""Learns for all streams of a gateway together which of them have news, by one question a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from leveret.api import WATCH
from leveret.errors import LeveretError
from leveret.web.gateway.upstream import Upstream
from leveret.wire.ids import new_id

logger = logging.getLogger("leveret.gateway")


class Listener:
    """A stream that wants to know of news.

    Attributes:
        group: that of its user, as workers say; None until they have said it.
        news: is set when there may be some, and when the gateway ends.
    """

    def __init__(self) -> None:
        self.group: int | None = None
        self.news = asyncio.Event()


class EventWatch:
    """Asks workers for news while streams are open. A question that is lost only delays: streams look by themselves.

    Args:
        upstream: carries calls.
        timeout: seconds in which a call must be answered.
        pause: seconds between two questions.

    Attributes:
        ending: is set when all streams end.
    """

    def __init__(self, upstream: Upstream, timeout: float, *, pause: float = 1.0) -> None:
        self._upstream = upstream
        self._timeout = timeout
        self._pause = pause
        self._listeners: set[Listener] = set()
        self._some = asyncio.Event()
        self.ending = asyncio.Event()

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Tell a stream of news while the block runs."""
        listener = Listener()
        self._listeners.add(listener)
        self._some.set()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._some.clear()

    @asynccontextmanager
    async def running(self, ending: asyncio.Event) -> AsyncIterator[None]:
        """Ask while the block runs; when the event is set, all streams end."""
        tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._end_when(ending))]
        try:
            yield
        finally:
            self.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def end(self) -> None:
        """Let all streams end, and all that begin later."""
        self.ending.set()
        self._tell(None)

    async def _end_when(self, ending: asyncio.Event) -> None:
        await ending.wait()
        self.end()

    async def _run(self) -> None:
        position = ""
        while True:
            if not self._listeners:
                position = ""
                await self._some.wait()
            position = await self._ask(position)
            await asyncio.sleep(self._pause)

    async def _ask(self, after: str) -> str:
        """Ask for news behind a position, and return the next one; empty to begin anew, with all streams."""
        try:
            received = await self._upstream.ask(
                WATCH, {"after": after}, version="v1", token="", id=new_id(), timeout=self._timeout
            )
        except LeveretError as error:
            logger.debug("no news of events: %s", error)
            return ""
        if received.reply.status == "error":
            logger.debug("no news of events: %s", received.reply.error)
            return ""
        found: dict[str, Any] = received.reply.data
        self._tell(found["groups"])
        position: str = found["position"]
        return position

    def _tell(self, groups: list[int] | None) -> None:
        if groups == []:
            return
        for listener in self._listeners:
            if groups is None or listener.group is None or listener.group in groups:
                listener.news.set()
