"""Makes queues at the broker for a run, looks at them, and removes them afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from bench.case import RunFailed
from bench.programs import START
from leveret.amqp import Channel, Connection
from leveret.broker.queues import remove_topology
from leveret.topology import Topology

T = TypeVar("T")

LOOK: Final = 0.02
"""Seconds between two looks at a queue."""


def on_channel(url: str, work: Callable[[Channel], Awaitable[T]]) -> T:
    """Call a function with a channel on a new connection, and return its result."""

    async def connected() -> T:
        connection = await Connection.open(url, name="bench")
        try:
            return await work(await connection.channel())
        finally:
            await connection.close()

    return asyncio.run(connected())


@contextmanager
def quorum_queue(url: str, name: str) -> Iterator[str]:
    """Declare a durable quorum queue, and delete it when the block ends."""
    on_channel(url, lambda channel: channel.declare_queue(name, arguments={"x-queue-type": "quorum"}))
    try:
        yield name
    finally:
        on_channel(url, lambda channel: channel.delete_queue(name))


@contextmanager
def api_queues(url: str, topology: Topology) -> Iterator[Topology]:
    """Declare the exchange and the queues of an API, and delete them when the block ends."""
    on_channel(url, topology.declare)
    try:
        yield topology
    finally:
        asyncio.run(remove_topology(url, topology))


def wait_for_consumers(url: str, queue: str, count: int) -> None:
    """Wait until a queue has ``count`` consumers.

    Raises:
        RunFailed: it has fewer after a minute.
    """

    async def enough(channel: Channel) -> bool:
        end = time.monotonic() + START
        while (await channel.declare_queue(queue, passive=True)).consumers < count:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK)
        return True

    if not on_channel(url, enough):
        raise RunFailed(f"fewer than {count} consumers take from {queue} after {START:g} s")


def waiting_in(url: str, *queues: str) -> int:
    """Return how many messages wait in queues."""

    async def counted(channel: Channel) -> int:
        return sum([(await channel.declare_queue(queue, passive=True)).messages for queue in queues])

    return on_channel(url, counted)
