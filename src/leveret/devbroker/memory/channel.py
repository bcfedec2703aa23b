"""A channel of a connection to the broker in memory; what it does is written at the driver's `Channel`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Final

import msgspec

from leveret.amqp import (
    AmqpError,
    ChannelClosed,
    Delivery,
    FieldTable,
    Message,
    Properties,
    QueueState,
)
from leveret.amqp.frames import publish as frames_of
from leveret.amqp.properties import decode_properties, encode_properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.devbroker.memory.consumer import MemoryConsumer
from leveret.devbroker.memory.queue import NotInMemory, QueuedMessage
from leveret.devbroker.memory.routing import Routing

Verdicts = list[AmqpError | None]

_FRAME_MAX: Final = 131_072
"""Bytes of a frame, as RabbitMQ offers them by default; the properties of a message have to fit."""

_NOT_FOUND: Final = 404
_PRECONDITION_FAILED: Final = 406


class MemoryChannel:
    """A channel.

    Args:
        routing: the broker.
        number: its number on its connection.
        fail: ends the connection, because a callback raised.
        confirms: whether it may publish.
    """

    def __init__(self, routing: Routing, number: int, fail: Callable[[Exception], None], *, confirms: bool) -> None:
        self._routing = routing
        self._number = number
        self._fail = fail
        self._confirms = confirms
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[AmqpError | None] = self._loop.create_future()
        self._consumers: dict[str, MemoryConsumer] = {}
        self._unsettled: dict[int, tuple[MemoryConsumer, QueuedMessage]] = {}
        self._tags, self._deliveries = count(1), count(1)
        self._prefetch = 0
        self._reply_queue = ""

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""
        return not self._ended.done()

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when it has ended, with the error that ended it."""
        return asyncio.shield(self._ended)

    def held(self) -> list[QueuedMessage]:
        """Return the messages that were delivered on it and not settled."""
        return [message for _, message in self._unsettled.values()]

    def check(self) -> None:
        """Raise what ended it, if something did."""
        if self._ended.done():
            raise (self._ended.result() or ChannelClosed("it was closed by this side")).fresh()

    async def close(self) -> None:
        """Close it; deliveries that are not settled go back to their queues."""
        self.end(None)

    def end(self, error: AmqpError | None) -> None:
        """End it, because of an error or on purpose."""
        if self._ended.done():
            return
        self._ended.set_result(error)
        for consumer in self._consumers.values():
            self._routing.remove_consumer(consumer)
        self._give_back(list(self._unsettled))

    def _refuse(self, code: int, text: str) -> ChannelClosed:
        error = ChannelClosed(text, code)
        self.end(error)
        return error

    async def declare_queue(
        self, name: str, *, durable: bool = True, passive: bool = False, arguments: FieldTable | None = None
    ) -> QueueState:
        """Make a queue, or check that it exists."""
        self.check()
        if not durable:
            raise NotInMemory("queues that are not durable")
        if not passive:
            self._routing.declare_queue(name, arguments or {})
        elif name not in self._routing.queues:
            raise self._refuse(_NOT_FOUND, f"NOT_FOUND - no queue '{name}' in vhost '/'")
        queue = self._routing.queues[name]
        return QueueState(name, len(queue), self._routing.consumers_of(queue))

    async def declare_exchange(self, name: str, kind: str, *, durable: bool = True) -> None:
        """Make an exchange."""
        self.check()
        if kind != "direct" or not durable:
            raise NotInMemory("exchanges that are not direct and durable")
        self._routing.exchanges.add(name)

    async def bind_queue(self, queue: str, exchange: str, routing_key: str) -> None:
        """Let an exchange route messages with that key to the queue."""
        self.check()
        self._routing.bind(queue, exchange, routing_key)

    async def qos(self, prefetch: int) -> None:
        """Set how many unsettled deliveries each consumer that is started after this may hold."""
        self.check()
        self._prefetch = prefetch

    async def consume(
        self,
        queue: str,
        on_deliveries: Callable[[list[Delivery]], None],
        *,
        no_ack: bool = False,
        arguments: FieldTable | None = None,
        on_cancel: Callable[[str], None] | None = None,  # noqa: ARG002 - no queue is ever deleted
        largest_body: int | None = None,
    ) -> str:
        """Start a consumer of a queue, or of direct replies, and return its tag."""
        self.check()
        replies = queue == DIRECT_REPLY_TO
        if arguments:
            raise NotInMemory("arguments of consumers")
        if no_ack is not replies:
            raise NotInMemory("a consumer without acks, but for direct replies")
        if not replies and queue not in self._routing.queues:
            raise self._refuse(_NOT_FOUND, f"NOT_FOUND - no queue '{queue}' in vhost '/'")
        tag = f"c{self._number}.{next(self._tags)}"
        found = None if replies else self._routing.queues[queue]
        keep = self._count if replies else self._keep
        consumer = MemoryConsumer(tag, found, self._prefetch, largest_body, keep, on_deliveries, self._fail)
        self._consumers[tag] = consumer
        if replies:
            self._reply_queue = self._routing.add_reply_queue(consumer)
        else:
            self._routing.add_consumer(consumer)
        return tag

    async def cancel(self, consumer_tag: str) -> None:
        """Stop a consumer; its deliveries stay in its hands."""
        self.check()
        if consumer := self._consumers.pop(consumer_tag, None):
            self._routing.remove_consumer(consumer)
            consumer.hand_over()  # what was on its way still reaches it

    def _count(self, _consumer: MemoryConsumer, _message: QueuedMessage) -> int:
        return next(self._deliveries)

    def _keep(self, consumer: MemoryConsumer, message: QueuedMessage) -> int:
        tag = self._count(consumer, message)
        self._unsettled[tag] = consumer, message
        consumer.held += 1
        return tag

    def ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Take a delivery, or with `multiple` each one up to it, as handled."""
        for tag in self._settled(delivery_tag, multiple=multiple):
            self._unsettled.pop(tag)[0].held -= 1
        self._routing.pump_soon()
        self._routing.on_change()

    def nack(self, delivery_tag: int, *, requeue: bool = True) -> None:
        """Return a delivery to its queue."""
        if not requeue:
            raise NotInMemory("deliveries that are rejected")
        self._give_back(self._settled(delivery_tag))

    def _settled(self, delivery_tag: int, *, multiple: bool = False) -> list[int]:
        self.check()
        if delivery_tag not in self._unsettled:
            self._refuse(_PRECONDITION_FAILED, f"PRECONDITION_FAILED - unknown delivery tag {delivery_tag}")
            return []
        return [tag for tag in self._unsettled if tag <= delivery_tag] if multiple else [delivery_tag]

    def _give_back(self, tags: Sequence[int]) -> None:
        for consumer, message in [self._unsettled.pop(tag) for tag in tags]:
            consumer.held -= 1
            if consumer.queue is not None:
                self._routing.give_back(consumer.queue, message)

    def publish_batch(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        """Publish messages and return one future for all: None or an error for each, in their order."""
        self.check()
        if not self._confirms:
            raise NotInMemory("publishing without confirms")
        arriving = [_as_it_arrives(message) for message in messages]
        future: asyncio.Future[Verdicts] = self._loop.create_future()
        verdicts = [self._publish(*each) for each in zip(messages, arriving, strict=True)]
        self._loop.call_soon(partial(_tell, future, verdicts))
        return future

    def _publish(self, message: Message, properties: Properties) -> AmqpError | None:
        try:
            self.check()
            if properties.reply_to == DIRECT_REPLY_TO:
                properties = msgspec.structs.replace(properties, reply_to=self._reply_name())
            return self._routing.publish(message, properties)
        except AmqpError as error:  # nothing behind it on this channel is carried out
            self.end(error)
            return error

    def _reply_name(self) -> str:
        if not self._reply_queue:
            raise ChannelClosed("PRECONDITION_FAILED - fast reply consumer does not exist", _PRECONDITION_FAILED)
        return self._reply_queue


def _as_it_arrives(message: Message) -> Properties:
    """Return the properties as the driver reads them from what it would have written.

    Raises:
        InvalidArgument: AMQP cannot carry them.
    """
    frames_of(1, message, _FRAME_MAX)
    flags, written = encode_properties(message.properties)
    return decode_properties(written, flags, 0, len(written))[0]


def _tell(future: asyncio.Future[Verdicts], verdicts: Verdicts) -> None:
    if not future.done():
        future.set_result(verdicts)
