"""Having deliveries come, and no more of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from leveret.amqp import Channel, Connection, Delivery
from leveret.topology import Topology
from leveret.worker.session import Session


class FakeChannel:
    """In place of a channel.

    Attributes:
        cancelled: the tags of consumers that were cancelled.
    """

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.cancelled: list[str] = []

    async def consume(self, _queue: str, _on_deliveries: Callable[[list[Delivery]], None], **_others: Any) -> str:
        """As a channel does it."""
        return "c1"

    async def cancel(self, tag: str) -> None:
        """As a channel does it."""
        self.cancelled.append(tag)


async def test_a_stop_of_consuming_that_is_cancelled_before_it_has_told_the_broker_is_made_good_by_the_next() -> None:
    channel = FakeChannel()
    connection, fake = cast("Connection", FakeChannel()), cast("Channel", channel)
    session = Session(
        connection, connection, fake, fake, prefetch=1, topology=Topology(), connect=cast("Any", lambda _: None)
    )
    await session.consume("queue", lambda _: None)
    first = asyncio.create_task(session.stop_consuming())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert channel.cancelled == []
    await session.stop_consuming()
    assert channel.cancelled == ["c1"]
