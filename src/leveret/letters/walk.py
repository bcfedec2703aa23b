"""Going through the dead-letter queue, oldest letter first: some are taken out, and all others stay where they are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from leveret.amqp import AmqpError, AnyChannel, AnyConnection, Delivery, Message, Refused, Unroutable
from leveret.letters.keeping import KeptLetter
from leveret.letters.look import LARGEST_LETTER, MOST_LETTERS, wait_until_back
from leveret.topology import Topology

FIRST_WINDOW: Final = 128
"""How many letters are borrowed at once at first, and are in memory, however many lie in the queue."""

_SILENCE: Final = 5.0
"""Seconds without a letter after which the missing ones are taken to be in somebody else's hands."""


class Send(Struct, frozen=True):
    """Publish the message, and take the letter out when the broker has confirmed it."""

    message: Message


class Drop(Struct, frozen=True):
    """Take the letter out for good."""


class Move(Struct, frozen=True):
    """Take the letter out when it has been kept elsewhere."""

    letter: KeptLetter


class Keep(Struct, frozen=True):
    """Leave the letter where it is; ``why`` is empty if nobody asked for anything else."""

    why: str = ""


Decision = Send | Drop | Move | Keep
Decide = Callable[[Delivery], Decision]
Tell = Callable[[Delivery, Decision], None]
Enough = Callable[[], bool]
Store = Callable[[Sequence[KeptLetter]], Awaitable[None]]
"""Keeps letters elsewhere; when it returns, they are there whatever happens."""


def _to_the_end() -> bool:
    return False


async def nowhere(letters: Sequence[KeptLetter]) -> None:
    """Keep letters where nothing is ever moved to: only for decisions without `Move`."""
    if letters:
        raise RuntimeError(f"{len(letters)} letters are to be moved, and nobody said where")


async def walk(
    connection: AnyConnection,
    topology: Topology,
    decide: Decide,
    tell: Tell,
    *,
    enough: Enough = _to_the_end,
    store: Store = nowhere,
) -> bool:
    """Decide on each letter that lies in the queue now, and carry the decisions out.

    A letter is acked after the broker has confirmed the message that was made of it. If this program or its connection
    dies between the two, both the letter and the request are there; because of its id, the request has its effect once.

    One consumer borrows the letters. When it ends, the broker puts back those that stay, in their order (see
    `leveret.letters.look.look`). At first it borrows few, so that few are in memory. When as many stay, it starts again
    and borrows twice as many. RabbitMQ lends 2,000 at most: letters behind 2,000 that stay are not reached.

    Args:
        connection: stays open; under an alarm of the broker it waits as publishers do.
        topology: names the queue.
        decide: called for each letter, more than once for those that stay; must be pure.
        tell: called once for each letter that was taken out, or that stays for a reason.
        enough: asked after some letters at a time whether no further ones need to be seen.
        store: keeps letters that are moved, before any of them is acked; what it raises ends the walk.

    Returns:
        Whether all letters that were ready were seen, or enough of them. They were not if too many stay, if the broker
        takes no more messages, or if somebody else holds some.

    Raises:
        ChannelClosed: there is no such queue, or no permission.
        AmqpError: the connection was lost. Letters that were told are done; some of the others may have been sent.
    """
    publisher = await connection.channel(confirms=True)
    try:
        ready = (await publisher.declare_queue(topology.dead_letters, passive=True)).messages
        walker = _Walk(connection, publisher, topology.dead_letters, _Wanted(decide, tell, enough, store))
        window = FIRST_WINDOW
        while True:
            unseen = await walker.go(ready - walker.settled, window)
            await wait_until_back(connection, topology.dead_letters, ready - walker.settled + len(walker.added))
            if not walker.crowded or window >= MOST_LETTERS:
                return not unseen or enough()
            window = min(2 * window, MOST_LETTERS)
    finally:
        await publisher.close()


class _Wanted(Struct, frozen=True):
    """What the caller of a walk wants."""

    decide: Decide
    tell: Tell
    enough: Enough
    store: Store


class _Walk:
    """Several passes over the same letters.

    Attributes:
        settled: how many letters were taken out.
        added: letters that were published into the queue itself.
        crowded: the last pass ended because too many letters stay.
    """

    def __init__(self, connection: AnyConnection, publisher: AnyChannel, queue: str, asked: _Wanted) -> None:
        self.settled = 0
        self.crowded = False
        self.added: list[Message] = []
        self._stopped = False
        self._connection = connection
        self._publisher = publisher
        self._queue = queue
        self._own = ("", queue)
        self._asked = asked
        self._told: set[bytes] = set()

    async def go(self, count: int, window: int) -> int:
        """Look at ``count`` letters, unless as many as ``window`` stay; returns how many were not seen."""
        if not count:
            return 0
        channel = await self._connection.channel()
        arrived: asyncio.Queue[list[Delivery]] = asyncio.Queue()
        kept = 0
        try:
            await channel.qos(min(window, count))
            tag = await channel.consume(self._queue, arrived.put_nowait, largest_body=LARGEST_LETTER)
            while count and kept < window and not self._is_over():
                deliveries = (await _arrivals(channel, arrived))[:count]
                if not deliveries:
                    break
                count -= len(deliveries)
                kept += await self._carry_out(channel, deliveries)
            await _flush(channel, tag)
        finally:
            await channel.close()
        self.crowded = count > 0 and kept >= window and not self._is_over()
        return count

    def _is_over(self) -> bool:
        return self._stopped or self._asked.enough()

    async def _carry_out(self, channel: AnyChannel, deliveries: Sequence[Delivery]) -> int:
        """Do what is decided on these letters, and return how many of them stay."""
        wanted = [self._asked.decide(delivery) for delivery in deliveries]
        await self._connection.writable()
        await self._asked.store([decision.letter for decision in wanted if isinstance(decision, Move)])
        messages = [decision.message for decision in wanted if isinstance(decision, Send)]
        verdicts = iter(await self._publisher.publish_batch(messages))
        done = [self._confirmed(each, next(verdicts)) if isinstance(each, Send) else each for each in wanted]
        for delivery, decision in zip(deliveries, done, strict=True):
            if not isinstance(decision, Keep):
                channel.ack(delivery.delivery_tag)
                self.settled += 1
            if isinstance(decision, Send) and (decision.message.exchange, decision.message.routing_key) == self._own:
                self.added.append(decision.message)
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
        self._asked.tell(delivery, decision)


async def _read(channel: AnyChannel) -> None:
    """Wait until the broker has read the acks, because it answers a channel's methods in their order."""
    await channel.qos(0)


async def _flush(channel: AnyChannel, tag: str) -> None:
    """Wait until the queue has the acks too. Otherwise acks are lost when the channel is closed.

    While more than 32 commands to a quorum queue are under way (``quorum_commands_soft_limit``), a channel holds back
    further ones, and forgets them when it ends. The end of a consumer is answered when the queue has carried it out,
    with everything that was under way before it. By the next answer, what was held back is under way too (seen on
    RabbitMQ 3.10.8).
    """
    await channel.cancel(tag)
    await _read(channel)


async def _arrivals(channel: AnyChannel, arrived: asyncio.Queue[list[Delivery]]) -> list[Delivery]:
    """Wait for letters, and return all that have come; none if no more come.

    Raises:
        ChannelClosed: the queue was deleted during the walk.
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
