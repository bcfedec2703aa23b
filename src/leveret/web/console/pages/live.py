"""Live parts of pages: rendered again and again, and sent by server-sent events when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request


def live_part(request: Request, make: Callable[[], Awaitable[str]], pause: float) -> EventSourceResponse:
    """Return the answer that sends a part of a page until the browser goes or the session ends.

    Args:
        request: of the browser.
        make: renders the part.
        pause: seconds between two times.
    """
    return EventSourceResponse(_parts(request, make, pause), ping=15)


async def _parts(request: Request, make: Callable[[], Awaitable[str]], pause: float) -> AsyncIterator[ServerSentEvent]:
    site, visitor = request.app.state.site, request.state.visitor
    before = ""
    while site.clock() < visitor.ends_at and await _is_signed_in(request):
        text = await make()
        if text != before:
            yield ServerSentEvent(data=text)
            before = text
        await asyncio.sleep(pause)


async def _is_signed_in(request: Request) -> bool:
    """Return whether the session still exists: who was removed sees nothing more."""
    site = request.app.state.site
    token = request.cookies.get(site.cookie, "")
    return await asyncio.to_thread(site.store.find_session, token, used=False) is not None
