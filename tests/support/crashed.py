"""Requests as dead workers leave them behind: delivered before, and in the crash journal."""

from __future__ import annotations

from support.serving import Caller
from warren.sql import SqlStore, create_engine
from warren.store import Key


async def delivered_before(caller: Caller, request: dict[str, object]) -> None:
    """Send a request and have it delivered and returned once, as a worker does that dies."""
    await caller.send(request)
    got = None
    while got is None:
        got = await caller.channel.get(caller.topology.requests)
    caller.channel.nack(got.delivery.delivery_tag, requeue=True)


def count_deaths(database: str, key: Key, count: int) -> None:
    """Write into the journal that workers died on a request."""
    engine = create_engine(database)
    store = SqlStore(engine)
    for _ in range(count):
        store.count_attempt(key)
    store.close()
    engine.dispose()
