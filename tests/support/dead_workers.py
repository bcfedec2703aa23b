"""Requests in the state in which dead workers leave them: delivered before, and in the crash journal."""

from __future__ import annotations

from leveret.inbox.journal import Journal
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from support.serving import Caller


async def delivered_before(caller: Caller, *requests: dict[str, object]) -> None:
    """Send requests that are delivered and returned once, as if a worker had died."""
    for request in requests:
        await caller.send(request)
    tags: list[int] = []
    while len(tags) < len(requests):
        if got := await caller.channel.get(caller.topology.requests):
            tags.append(got.delivery.delivery_tag)
    for tag in tags:
        caller.channel.nack(tag, requeue=True)


def count_deaths(database: str, key: RequestKey, count: int) -> None:
    """Record in the crash journal that a number of workers died on a request."""
    engine = create_engine(database)
    store = Store(engine)
    for _ in range(count):
        Journal().begin(store, [key])
    store.close()
    engine.dispose()
