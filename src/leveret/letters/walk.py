"""Going through the dead-letter queue, oldest letter first: some are taken out, and all others stay where they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from leveret.amqp import AmqpError, AnyChannel, AnyConnection, Delivery, Message, Refused, Unroutable
from leveret.letters.keeping import KeptLetter
from leveret.letters.look import LARGEST_LETTER, MOST_LETTERS, wait_until_back
from leveret.topology import Topology

FIRST_WINDOW: Final = 128
"""How many letters are borrowed at once at first, and are in memory, however many lie in the queue."""

MOST_HELD: Final = 100_000
"""How many letters that stay are held until those behind them were seen."""

_SILENCE: Final = 5.0
"""Seconds without a letter after which the missing ones are taken to be in somebody else's hands."""

_MOMENT: Final = 1.0
"""Seconds in which letters come that the broker lends already."""


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

    A consumer borrows the letters. At first it borrows few, so that few are in memory. When as many stay, it holds
    those and gets no more, and another one borrows twice as many, behind them: RabbitMQ lends 2,000 to each. At the end
    the channels are closed one after another, and the broker puts back what each holds, in its order (see
    `leveret.letters.look.look`). Until then nobody else sees the letters in front.

    Args:
        connection: stays open; under an alarm of the broker it waits as publishers do.
        topology: names the queue.
        decide: called once for each letter.
        tell: called once for each letter that was taken out, or that stays for a reason.
        enough: asked after some letters at a time whether no further ones need to be seen.
        store: keeps letters that are moved, before any of them is acked; what it raises ends the walk.

    Returns:
        Whether all letters that were ready were seen, or enough of them. They were not if more than 100,000 stay, if
        the broker takes no more messages, or if somebody else holds some.

    Raises:
        ChannelClosed: there is no such queue, or no permission.
        AmqpError: the connection was lost. Letters that were told are done; some of the others may have been sent.
    """
    publisher = await connection.channel(confirms=True)
    try:
        unseen = (await publisher.declare_queue(topology.dead_letters, passive=True)).messages
        walker = _Walk(connection, publisher, topology, _Wanted(decide, tell, enough, store))
        window = FIRST_WINDOW
        try:
            while unseen:
                unseen = await walker.go(unseen, window)
                if not walker.crowded:
                    break
                window = min(2 * window, MOST_LETTERS)
            await walker.give_back(unseen)
        finally:
            await walker.close()
        return not unseen or enough()
    finally:
        await publisher.close()


class _Wanted(Struct, frozen=True):
    """What the caller of a walk wants."""

    decide: Decide
    tell: Tell
    enough: Enough
    store: Store


class _Held(Struct, frozen=True):
    """Letters that a channel holds: those that stay, and those at which nobody looked."""

    channel: AnyChannel
    kept: int
    untouched: int


class _Walk:
    """Several consumers, each of which borrows letters behind those that the one before holds.

    Attributes:
        added: how many letters were published into the queue itself.
        crowded: the last one ended because as many letters stay as it may borrow, and another one may go on.
    """

    def __init__(self, connection: AnyConnection, publisher: AnyChannel, topology: Topology, asked: _Wanted) -> None:
        self.crowded = False
        self.added = 0
        self._stopped = False
        self._connection = connection
        self._publisher = publisher
        self._topology = topology
        self._own = ("", topology.dead_letters)
        self._asked = asked
        self._holding: list[_Held] = []

    async def go(self, count: int, window: int) -> int:
        """Look at ``count`` letters, unless as many as ``window`` stay; returns how many were not seen."""
        channel = await self._connection.channel()
        arrived: asyncio.Queue[list[Delivery]] = asyncio.Queue()
        self._holding.append(_Held(channel, 0, 0))
        kept, room = 0, min(window, count)
        await channel.qos(room)
        tag = await channel.consume(self._topology.dead_letters, arrived.put_nowait, largest_body=LARGEST_LETTER)
        while count and kept < window and not self._is_over():
            deliveries = (await _arrivals(channel, arrived))[:count]
            if not deliveries:
                break
            count -= len(deliveries)
            kept += await self._carry_out(channel, deliveries)
        # Each ack lets the broker lend another letter. If that one came after the cancel, the broker of 3.10 would put
        # it back at once, in front of all those that are held.
        untouched = min(await _lent(channel, arrived, min(room - kept, count)), count)
        await _flush(channel, tag)
        self._holding[-1] = _Held(channel, kept, untouched)
        held = sum(each.kept for each in self._holding)
        self.crowded = count > 0 and kept >= window and held < MOST_HELD and not self._is_over()
        return count

    async def give_back(self, unseen: int) -> None:
        """Give all letters back in their order: the next channel ends when the queue has what the one before held."""
        back = unseen - sum(each.untouched for each in self._holding)
        while self._holding:
            held = self._holding.pop(0)
            await held.channel.close()
            back += held.kept + held.untouched + (0 if self._holding else self.added)
            await wait_until_back(self._connection, self._topology.dead_letters, back)

    async def close(self) -> None:
        """Close the channels that are open still, because something has failed."""
        while self._holding:
            await self._holding.pop(0).channel.close()

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
            if isinstance(decision, Send) and (decision.message.exchange, decision.message.routing_key) == self._own:
                self.added += 1
        await _read(channel)
        for delivery, decision in zip(deliveries, done, strict=True):
            if not isinstance(decision, Keep) or decision.why:
                self._asked.tell(delivery, decision)
        return sum(isinstance(decision, Keep) for decision in done)

    def _confirmed(self, send: Send, verdict: AmqpError | None) -> Decision:
        if verdict is None:
            return send
        if not isinstance(verdict, Refused | Unroutable):
            raise verdict
        self._stopped = True
        return Keep(f"{verdict}; nothing was sent, and no further letter was tried")


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


async def _lent(channel: AnyChannel, arrived: asyncio.Queue[list[Delivery]], expected: int) -> int:
    """Wait until that many letters have come at which nobody looks, and return how many have."""
    lent = 0
    while lent < expected:
        if not (letters := await _arrivals(channel, arrived, _MOMENT)):
            break
        lent += len(letters)
    return lent


async def _arrivals(
    channel: AnyChannel, arrived: asyncio.Queue[list[Delivery]], silence: float = _SILENCE
) -> list[Delivery]:
    """Wait for letters, and return all that have come; none if no more come.

    Raises:
        ChannelClosed: the queue was deleted during the walk.
    """
    waiting = asyncio.ensure_future(arrived.get())
    try:
        await asyncio.wait((waiting, channel.closed), timeout=silence, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            letters = waiting.result()
            while not arrived.empty():
                letters += arrived.get_nowait()
            return letters
    finally:
        waiting.cancel()
    channel.check()
    return []
