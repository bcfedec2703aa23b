"""The answer that a stream of events is: it lasts until one of the two ends it, and never waits for a slow reader."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leveret.web.gateway.event_text import MEDIA_TYPE

logger = logging.getLogger("leveret.gateway")

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Type": MEDIA_TYPE}


class EventResponse(Response):
    """Sends what comes, until it ends, the reader is gone or too slow, or the gateway ends.

    Args:
        parts: what is sent.
        headers: further headers.
        held: is given back at the end.
        ending: when it is set, the stream ends.
        slow: seconds in which a reader has to take a part.
    """

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        headers: Mapping[str, str],
        *,
        held: ExitStack,
        ending: asyncio.Event,
        slow: float,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({**_HEADERS, **headers})
        self._parts = parts
        self._held = held
        self._ending = ending
        self._slow = slow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers, and then the parts; for HEAD the headers only."""
        with self._held:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or await self._send_parts(receive, send):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._slow):
                        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_parts(self, receive: Receive, send: Send) -> bool:
        """Send the parts; return whether the reader takes the end too."""
        sending = asyncio.create_task(self._send_all(send))
        tasks = [sending, asyncio.create_task(_gone(receive)), asyncio.create_task(self._ending.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            sent, *_ = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(sent, TimeoutError):
            logger.info("a reader of events took nothing for %g s, and was cut off", self._slow)
            return False
        if isinstance(sent, Exception):
            raise sent
        return True

    async def _send_all(self, send: Send) -> None:
        async for part in self._parts:
            async with asyncio.timeout(self._slow):
                await send({"type": "http.response.body", "body": part, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Return when the reader has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
