"""Looking at dead letters without losing or changing any."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from leveret.amqp import Channel, Connection, Delivery
from leveret.broker.connecting import connected
from leveret.letters.letter import Letter, read_letter
from leveret.topology import Topology

MOST_LETTERS: Final = 2_000
"""Most letters in one look: RabbitMQ lends no consumer of a quorum queue more than that at once."""

LARGEST_LETTER: Final = 8 * 1024 * 1024
"""Bytes of a letter that is shown; what is larger the broker moved there, or somebody forged, and only its size is."""

_LIMIT: Final = 5.0
_STEP: Final = 0.002


async def look(connection: Connection, topology: Topology, most: int = 100) -> list[Letter]:
    """Show the oldest dead letters, oldest first, and leave all of them where and as they are.

    The letters are borrowed by a consumer that acknowledges nothing, on a channel of its own; closing the channel makes
    the broker put them back in their order. It does so too when this program dies while it looks. Returning them one
    by one, or borrowing them with basic.get, would mix them up: RabbitMQ 3.10 keeps the order only for what one
    consumer gives back by going away. Two who look at the same time see different letters, and may swap their order.

    Args:
        connection: stays open.
        topology: names the queue.
        most: letters, at most 2,000; they are all in memory at once.

    Returns:
        The letters that are ready; those that somebody else holds at the moment are not among them.

    Raises:
        ValueError: ``most`` is out of range.
        ChannelClosed: there is no such queue, or it was deleted meanwhile.
        AmqpError: the connection was lost; the letters are safe.
    """
    if not 1 <= most <= MOST_LETTERS:
        raise ValueError(f"{most!r} letters to look at: expected 1 to {MOST_LETTERS}")
    channel = await connection.channel()
    try:
        ready = (await channel.declare_queue(topology.dead_letters, passive=True)).messages
        borrowed = await _borrow(channel, topology.dead_letters, min(most, ready)) if ready else []
    finally:
        await channel.close()
    if borrowed:
        await wait_until_back(connection, topology.dead_letters, ready)
    return [read_letter(delivery) for delivery in borrowed]


async def look_at_letters(url: str, topology: Topology, most: int) -> list[Letter]:
    """Connect to a broker, and show its oldest dead letters as `look` does.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
        ValueError: ``most`` is out of range.
    """
    async with connected(url) as connection:
        return await look(connection, topology, most)


async def _borrow(channel: Channel, queue: str, count: int) -> list[Delivery]:
    borrowed: list[Delivery] = []
    complete = asyncio.Event()

    def on_deliveries(deliveries: list[Delivery]) -> None:
        borrowed.extend(deliveries)
        if len(borrowed) >= count:
            complete.set()

    await channel.qos(count)
    await channel.consume(queue, on_deliveries, largest_body=LARGEST_LETTER)
    waiting = asyncio.ensure_future(complete.wait())
    try:
        # The limit is for letters that somebody else took after they were counted.
        await asyncio.wait((waiting, channel.closed), timeout=_LIMIT, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    channel.check()
    return borrowed


async def wait_until_back(connection: Connection, queue: str, ready: int) -> None:
    """Wait until so many messages are ready: a queue takes back what a closed channel held a moment after its end.

    Raises:
        AmqpError: the connection was lost; the letters are safe.
    """
    channel = await connection.channel()
    try:
        # The limit is for letters that somebody else took meanwhile.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LIMIT):
                while (await channel.declare_queue(queue, passive=True)).messages < ready:  # noqa: ASYNC110 - the queue is at the broker
                    await asyncio.sleep(_STEP)
    finally:
        await channel.close()
