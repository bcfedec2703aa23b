"""Looking at dead letters: all of them stay where they are and as they are."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

from leveret.amqp import AnyChannel, AnyConnection, Delivery
from leveret.broker.connecting import BrokerTrouble, connected
from leveret.letters.letter import Letter, read_letter
from leveret.topology import Topology

MOST_LETTERS: Final = 2_000
"""How many letters one look may show: RabbitMQ lends a consumer of a quorum queue no more than that at once."""

LARGEST_LETTER: Final = 8 * 1024 * 1024
"""Bytes that a letter may have to be shown. Of a larger one, which the broker moved there or somebody forged, only the
size is shown."""

_LIMIT: Final = 5.0
"""Seconds to wait for letters that were counted: somebody else may have taken some meanwhile."""

PATIENCE: Final = 30.0
"""Seconds to wait until nobody else holds letters."""

_STILL: Final = 0.3
"""Seconds in which nothing may change. A walk has no consumer for some answers of the broker only."""

_HELD: Final = (
    "somebody else goes through the letters in {queue}, and has done so for {patience:g} s: letters that they hold "
    "cannot be seen, and might be put there twice. Nothing was changed; try again when they have ended"
)

_STEP: Final = 0.002
"""Seconds between two questions about the queue."""


async def look(connection: AnyConnection, topology: Topology, most: int = 100) -> list[Letter]:
    """Return the oldest dead letters, oldest first, and leave all of them where and as they are.

    A consumer on a channel of its own borrows the letters and acknowledges nothing. When the channel is closed, the
    broker puts them back in their order; it also does so when this program dies while it looks. If they were returned
    one by one, or borrowed with basic.get, their order would change: RabbitMQ 3.10 keeps it only for the letters that
    a consumer still holds when it ends. Two programs that look at the same time see different letters, and may change
    their order.

    Args:
        connection: stays open.
        topology: names the queue.
        most: how many letters, from 1 to 2,000; all of them are in memory at once.

    Returns:
        The letters that are ready, without those that somebody else holds at the moment.

    Raises:
        ValueError: ``most`` is out of range.
        ChannelClosed: there is no such queue, or it was deleted during the look.
        AmqpError: the connection was lost; the letters are safe.
    """
    return [read_letter(delivery) for delivery in await look_at_messages(connection, topology, most)]


async def look_at_messages(connection: AnyConnection, topology: Topology, most: int) -> list[Delivery]:
    """Return the oldest dead letters as the messages that they are; for all else see `look`.

    Raises:
        ValueError: ``most`` is out of range.
        ChannelClosed: there is no such queue, or it was deleted during the look.
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
    return borrowed


async def look_undisturbed(connection: AnyConnection, topology: Topology, patience: float = PATIENCE) -> list[Delivery]:
    """Return the oldest letters, 2,000 at most, at a moment at which nobody else holds any of the queue.

    Whoever goes through the queue holds letters that are not ready, and no look shows those. So this waits until nobody
    consumes, for a while in which nothing changes: between two of its consumers a walk has none for a moment.

    Args:
        connection: stays open.
        topology: names the queue.
        patience: seconds to wait for others.

    Raises:
        BrokerTrouble: others have gone through the queue all the time.
        ChannelClosed: there is no such queue, or it was deleted during the look.
        AmqpError: the connection was lost; the letters are safe.
    """
    channel = await connection.channel()
    give_up = time.monotonic() + patience
    try:
        while True:
            before = await channel.declare_queue(topology.dead_letters, passive=True)
            await asyncio.sleep(_STILL)
            found = await look_at_messages(connection, topology, MOST_LETTERS) if not before.consumers else []
            after = await channel.declare_queue(topology.dead_letters, passive=True)
            seen = len(found) == min(after.messages, MOST_LETTERS)
            if seen and before.messages == after.messages and not (before.consumers or after.consumers):
                return found
            if time.monotonic() > give_up:
                raise BrokerTrouble(_HELD.format(queue=topology.dead_letters, patience=patience))
    finally:
        await channel.close()


async def look_at_letters(url: str, topology: Topology, most: int) -> list[Letter]:
    """Connect to a broker, and show its oldest dead letters as `look` does.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
        ValueError: ``most`` is out of range.
    """
    async with connected(url) as connection:
        return await look(connection, topology, most)


async def look_at_messages_of(url: str, topology: Topology, most: int) -> list[Delivery]:
    """Connect to a broker, and return its oldest dead letters as the messages that they are.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
        ValueError: ``most`` is out of range.
    """
    async with connected(url) as connection:
        return await look_at_messages(connection, topology, most)


async def _borrow(channel: AnyChannel, queue: str, count: int) -> list[Delivery]:
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
        await asyncio.wait((waiting, channel.closed), timeout=_LIMIT, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    channel.check()
    return borrowed


async def wait_until_back(connection: AnyConnection, queue: str, ready: int) -> None:
    """Wait until ``ready`` messages are in the queue, which takes back what a channel held a moment after its end.

    After five seconds it waits no longer, because somebody else may have taken some.

    Raises:
        AmqpError: the connection was lost; the letters are safe.
    """
    channel = await connection.channel()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LIMIT):
                while (await channel.declare_queue(queue, passive=True)).messages < ready:  # noqa: ASYNC110 - the queue is at the broker
                    await asyncio.sleep(_STEP)
    finally:
        await channel.close()
