"""Asks what is known of the request whose page is open, while everything else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from leveret.cli.operating.explain import lines_of
from leveret.operate.explain import Explanation

Told = Callable[[str | None], Sequence[str]]
"""Returns what is known of a request so far; it asks when it is called with another id than before."""


@asynccontextmanager
async def telling(explain: Callable[[str], Awaitable[Explanation]]) -> AsyncIterator[Told]:
    """Yield what asks about a request while a block runs; None stands for no request.

    Args:
        explain: asks about an id; it never raises.
    """
    asking: dict[str, asyncio.Task[list[str]]] = {}

    def told(request_id: str | None) -> Sequence[str]:
        for other in [known for known in asking if known != request_id]:
            asking.pop(other).cancel()
        if request_id is None:
            return ()
        task = asking.get(request_id)
        if task is None:
            task = asking[request_id] = asyncio.create_task(_lines(explain, request_id))
        return task.result() if task.done() else ["asking database and queues ..."]

    try:
        yield told
    finally:
        for task in asking.values():
            task.cancel()


async def _lines(explain: Callable[[str], Awaitable[Explanation]], request_id: str) -> list[str]:
    return list(lines_of(await explain(request_id)))
