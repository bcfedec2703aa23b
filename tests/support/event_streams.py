"""A reader of a gateway's stream of events: it parses what comes as a browser does, and can be cut off and resume."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec

from support.gateways import LIMIT, HttpCaller


@dataclass(frozen=True)
class SentEvent:
    """One event: its id, its type and its data."""

    id: str
    type: str
    data: Any


@dataclass
class EventStream:
    """What came over one connection.

    Attributes:
        response: status and headers.
        last_id: what a browser would send as ``Last-Event-ID``.
        comments: how many lines were comments.
    """

    response: httpx2.Response
    _lines: AsyncIterator[str]
    last_id: str = ""
    comments: int = 0
    seen: list[SentEvent] = field(default_factory=list)

    async def next(self) -> SentEvent:
        """Return the next event; raise StopAsyncIteration at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(LIMIT):
            async for line in self._lines:
                name, _, value = line.partition(":")
                if not line:
                    self.last_id = fields.get("id", self.last_id)
                    if "data" in fields:
                        data = msgspec.json.decode(fields["data"])
                        self.seen.append(SentEvent(self.last_id, fields.get("event", "message"), data))
                        return self.seen[-1]
                    fields = {}
                elif not name:
                    self.comments += 1
                else:
                    fields[name] = value.removeprefix(" ")
        raise StopAsyncIteration

    async def until(self, found: Callable[[list[SentEvent]], bool]) -> list[SentEvent]:
        """Read until what was seen on this connection is enough, and return it."""
        while not found(self.seen):
            await self.next()
        return self.seen

    async def begun(self) -> None:
        """Read up to the first position."""
        async with asyncio.timeout(LIMIT):
            async for line in self._lines:
                if line.startswith("id: "):
                    self.last_id = line.removeprefix("id: ")
                if not line:
                    return

    async def ended(self) -> list[SentEvent]:
        """Read to the end of the stream, and return what came."""
        try:
            while True:
                await self.next()
        except StopAsyncIteration:
            return self.seen


@asynccontextmanager
async def reading(user: HttpCaller, last_id: str = "", path: str = "/events") -> AsyncIterator[EventStream]:
    """Open a stream, from an id on; the connection ends with the block."""
    headers = {**user.headers, **({"Last-Event-ID": last_id} if last_id else {})}
    async with (
        httpx2.AsyncClient() as http,
        http.stream("GET", f"{user.url}{path}", headers=headers, timeout=LIMIT) as response,
    ):
        yield EventStream(response, response.aiter_lines())
