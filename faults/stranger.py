"""A client that is not ours: sends messages of any form to the broker, and counts the answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import TracebackType
from typing import Final, Self

from leveret.amqp import Channel, Connection, Delivery, Message, Properties
from leveret.wire.codec import decode_reply

LIMIT: Final = 60.0
"""Seconds within which every message has to be answered."""


class Stranger:
    """Publishes messages in an ``async with`` block, and takes their answers from a queue of its own.

    Args:
        url: address of the broker.

    Attributes:
        sent: number of messages so far.
        answers: number of answers with each code.
    """

    channel: Channel

    def __init__(self, url: str) -> None:
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self._url = url
        self._open: set[str] = set()
        self._queue = ""

    async def __aenter__(self) -> Self:
        self._connection = await Connection.open(self._url, name="stranger")
        self.channel = await self._connection.channel(confirms=True)
        self._queue = (await self.channel.declare_queue("", exclusive=True, durable=False)).name
        await self.channel.consume(self._queue, self._take, no_ack=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    @property
    def answered(self) -> int:
        """Number of messages that have an answer; further answers to the same message do not count."""
        return self.sent - len(self._open)

    def properties(self) -> Properties:
        """Return properties for the next message, by which its answer is recognized; others may be added."""
        self.sent += 1
        name = f"stranger-{self.sent}"
        self._open.add(name)
        return Properties(correlation_id=name, reply_to=self._queue, delivery_mode=2)

    async def publish(self, message: Message) -> None:
        """Publish a message, and wait until the broker has confirmed it."""
        await self.channel.publish(message)

    async def all_answered(self) -> bool:
        """Wait until every message is answered; return False if that takes too long."""
        end = asyncio.get_running_loop().time() + LIMIT
        while self._open and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 -- polling is enough here
            await asyncio.sleep(0.05)
        return not self._open

    def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            name = delivery.properties.correlation_id
            if name in self._open:
                self._open.discard(name)
                self.answers[decode_reply(delivery.body).code or "ok"] += 1
