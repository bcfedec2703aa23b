"""A stranger at the broker, beside the clients of a load: sends messages as it likes, and counts the answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import TracebackType
from typing import Final, Self

from leveret.amqp import Channel, Connection, Delivery, Message, Properties
from leveret.wire.codec import decode_reply

LIMIT: Final = 60.0
"""Seconds until all that was sent has to be answered."""


class Stranger:
    """Publishes messages whose answers come to a queue of its own; ``async with`` it.

    Args:
        url: the broker's.

    Attributes:
        sent: how many messages there were.
        answers: how many of them were answered so, by the code of the answer.
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
        """How many messages have an answer; a second one to the same message does not count."""
        return self.sent - len(self._open)

    def properties(self) -> Properties:
        """Properties of the next message; whatever else they hold, its answer is known by them."""
        self.sent += 1
        name = f"stranger-{self.sent}"
        self._open.add(name)
        return Properties(correlation_id=name, reply_to=self._queue, delivery_mode=2)

    async def publish(self, message: Message) -> None:
        """Publish a message when there is room, and wait until the broker has it."""
        await self.channel.publish(message)

    async def all_answered(self) -> bool:
        """Wait until everything is answered; False when that takes too long."""
        end = asyncio.get_running_loop().time() + LIMIT
        while self._open and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 -- as patient as a scene
            await asyncio.sleep(0.05)
        return not self._open

    def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            name = delivery.properties.correlation_id
            if name in self._open:
                self._open.discard(name)
                self.answers[decode_reply(delivery.body).code or "ok"] += 1
