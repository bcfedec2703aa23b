"""Going through the dead-letter queue, oldest letter first: some are taken out, all others stay where they are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from leveret.amqp import AmqpError, Channel, Connection, Delivery, Message, Refused, Unroutable
from leveret.letters.look import LARGEST_LETTER, MOST_LETTERS, wait_until_back
from leveret.topology import Topology

FIRST_WINDOW: Final = 128
"""Letters lent at once at first; so many are in memory, however many lie in the queue."""

_SILENCE: Final = 5.0
"""Seconds without a letter, after which those that were counted are in somebody else's hands."""


class Send(Struct, frozen=True):
    """Publish the message, and take the letter out when the broker has confirmed it."""

    message: Message


class Drop(Struct, frozen=True):
    """Take the letter out for good."""


class Keep(Struct, frozen=True):
    """Leave the letter; ``why`` is empty where nobody asked for anything else."""

    why: str = ""


Decision = Send | Drop | Keep
Decide = Callable[[Delivery], Decision]
Tell = Callable[[Delivery, Decision], None]


async def walk(connection: Connection, topology: Topology, decide: Decide, tell: Tell) -> bool:
    """Decide on each letter that lies in the queue now, and carry the decisions out.

    A letter is acked after the broker has confirmed what was made of it. If this program or its connection dies between
    the two, there are both the letter and the request; the request's id sees to it that it has its effect once.

    Letters are lent by one consumer, whose end makes the broker put back those that stay in their order (see
    `leveret.letters.look.look`). It lends few at first, so that few are in memory; when those that stay use that up, it
    starts again with twice as many. RabbitMQ lends 2,000 at most: letters behind so many that stay are not reached.

    Args:
        connection: stays open; under an alarm of the broker it waits as publishers do.
        topology: names the queue.
        decide: called for each letter, for those that stay more than once; must be pure.
        tell: called once for each letter that was taken out, or that stays for a reason.

    Returns:
        Whether all letters that were ready were seen. Not: there are too many that stay, the broker takes no more
        messages, or somebody else holds some.

    Raises:
        ChannelClosed: there is no such queue, or no permission.
        AmqpError: the connection was lost. Letters that were told are done; of the others some may have been sent.
    """
    publisher = await connection.channel(confirms=True)
    try:
        ready = (await publisher.declare_queue(topology.dead_letters, passive=True)).messages
        walker = _Walk(connection, publisher, topology.dead_letters, decide, tell)
        window = FIRST_WINDOW
        while True:
            unseen = await walker.go(ready - walker.settled, window)
            await wait_until_back(connection, topology.dead_letters, ready - walker.settled)
            if not walker.crowded or window >= MOST_LETTERS:
                return not unseen
            window = min(2 * window, MOST_LETTERS)
    finally:
        await publisher.close()


class _Walk:
    """What several passes over the same letters share."""

    def __init__(self, connection: Connection, publisher: Channel, queue: str, decide: Decide, tell: Tell) -> None:
        self.settled = 0
        self.crowded = False
        self._stopped = False
        self._connection = connection
        self._publisher = publisher
        self._queue = queue
        self._decide = decide
        self._tell = tell
        self._told: set[bytes] = set()

    async def go(self, count: int, window: int) -> int:
        """See so many letters, unless a window full of them stays; says how many were not seen."""
        if not count:
            return 0
        channel = await self._connection.channel()
        arrived: asyncio.Queue[list[Delivery]] = asyncio.Queue()
        kept = 0
        try:
            await channel.qos(min(window, count))
            tag = await channel.consume(self._queue, arrived.put_nowait, largest_body=LARGEST_LETTER)
            while count and kept < window and not self._stopped:
                deliveries = (await _arrivals(channel, arrived))[:count]
                if not deliveries:
                    break
                count -= len(deliveries)
                kept += await self._carry_out(channel, deliveries)
            await _flush(channel, tag)
        finally:
            await channel.close()
        self.crowded = count > 0 and kept >= window and not self._stopped
        return count

    async def _carry_out(self, channel: Channel, deliveries: Sequence[Delivery]) -> int:
        """Do what is decided on these letters, and say how many of them stay."""
        wanted = [self._decide(delivery) for delivery in deliveries]
        await self._connection.writable()
        messages = [decision.message for decision in wanted if isinstance(decision, Send)]
        verdicts = iter(await self._publisher.publish_batch(messages))
        done = [self._confirmed(each, next(verdicts)) if isinstance(each, Send) else each for each in wanted]
        for delivery, decision in zip(deliveries, done, strict=True):
            if not isinstance(decision, Keep):
                channel.ack(delivery.delivery_tag)
                self.settled += 1
        await _read(channel)
        for delivery, decision in zip(deliveries, done, strict=True):
            self._tell_once(delivery, decision)
        return sum(isinstance(decision, Keep) for decision in done)

    def _confirmed(self, send: Send, verdict: AmqpError | None) -> Decision:
        if verdict is None:
            return send
        if not isinstance(verdict, Refused | Unroutable):
            raise verdict
        self._stopped = True
        return Keep(f"{verdict}; nothing was sent, and no further letter was tried")

    def _tell_once(self, delivery: Delivery, decision: Decision) -> None:
        if isinstance(decision, Keep):
            known = f"{delivery.properties.correlation_id} {delivery.left_out}".encode() + delivery.body
            digest = hashlib.blake2b(known, digest_size=16).digest()
            if not decision.why or digest in self._told:
                return
            self._told.add(digest)
        self._tell(delivery, decision)


async def _read(channel: Channel) -> None:
    """Wait until the broker has read the acks: it answers a channel's methods in their order."""
    await channel.qos(0)


async def _flush(channel: Channel, tag: str) -> None:
    """Wait until the queue has the acks too: without this, acks are lost when the channel is closed.

    A channel holds commands to a quorum queue back while more than 32 are under way (``quorum_commands_soft_limit``),
    and forgets them when it ends. The end of a consumer is answered when the queue has carried it out, and with it what
    was under way; by the next answer, what was held back is under way too (seen on RabbitMQ 3.10.8).
    """
    await channel.cancel(tag)
    await _read(channel)


async def _arrivals(channel: Channel, arrived: asyncio.Queue[list[Delivery]]) -> list[Delivery]:
    """Wait for letters, and give all that have come; none when no more come.

    Raises:
        ChannelClosed: the queue was deleted meanwhile.
    """
    waiting = asyncio.ensure_future(arrived.get())
    try:
        await asyncio.wait((waiting, channel.closed), timeout=_SILENCE, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            letters = waiting.result()
            while not arrived.empty():
                letters += arrived.get_nowait()
            return letters
    finally:
        waiting.cancel()
    channel.check()
    return []
