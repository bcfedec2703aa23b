"""The inside of the broker in memory: direct exchanges, quorum queues, direct reply-to."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from typing import Final

import msgspec

from leveret.amqp import (
    AmqpError,
    ChannelClosed,
    FieldTable,
    FieldValue,
    Message,
    Properties,
    Refused,
    Unroutable,
)
from leveret.amqp.rabbitmq import DEATHS, DIRECT_REPLY_TO
from leveret.devbroker.memory.consumer import MemoryConsumer
from leveret.devbroker.memory.queue import MemoryQueue, NotInMemory, QueuedMessage
from leveret.process.clock import Cancellable, Clock

NO_ROUTE: Final = 312
NOT_FOUND: Final = 404

_PROCESS: Final = b"\x83leveret"
"""What stands for the process of a channel in the name of a direct reply queue, in the form that RabbitMQ has."""


class Routing:
    """The inside of a broker, for one event loop: where messages go, wait, expire and are delivered.

    Args:
        clock: tells when messages expire.
        on_change: called when messages were acked or given back.

    Attributes:
        queues: by name.
        exchanges: names of the exchanges.
    """

    def __init__(self, clock: Clock, on_change: Callable[[], None]) -> None:
        self.queues: dict[str, MemoryQueue] = {}
        self.exchanges: set[str] = set()
        self.on_change = on_change
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._bindings: dict[tuple[str, str], MemoryQueue] = {}
        self._consumers: list[MemoryConsumer] = []
        self._reply_queues: dict[str, MemoryConsumer] = {}
        self._pumping: asyncio.Handle | None = None
        self._expiring: tuple[float, Cancellable] | None = None

    @property
    def waiting(self) -> list[QueuedMessage]:
        """The messages that wait for a consumer which is there."""
        consumed = {id(queue): queue for consumer in self._consumers if (queue := consumer.queue) is not None}
        return [message for queue in consumed.values() for message in queue.messages()]

    def declare_queue(self, name: str, arguments: FieldTable) -> None:
        """Make a queue, if there is none of that name."""
        queue = self.queues.setdefault(name, MemoryQueue(name, arguments))
        if queue.arguments != arguments:
            raise NotInMemory(f"two declarations of queue {name!r} with different arguments")

    def bind(self, queue: str, exchange: str, routing_key: str) -> None:
        """Let an exchange route messages with that key to the queue; one queue for each key."""
        self._bindings[exchange, routing_key] = self.queues[queue]

    def consumers_of(self, queue: MemoryQueue) -> int:
        """Return how many consumers a queue has."""
        return sum(consumer.queue is queue for consumer in self._consumers)

    def add_consumer(self, consumer: MemoryConsumer) -> None:
        """Deliver to a consumer from now on."""
        self._consumers.append(consumer)
        self.pump_soon()

    def add_reply_queue(self, consumer: MemoryConsumer) -> str:
        """Make a direct reply queue for a consumer, and return its name (RabbitMQ, "Direct Reply-to")."""
        process, key = base64.b64encode(_PROCESS), base64.b64encode(secrets.token_bytes(16))
        name = f"{DIRECT_REPLY_TO}.{process.decode()}.{key.decode()}"
        self._reply_queues[name] = consumer
        return name

    def remove_consumer(self, consumer: MemoryConsumer) -> None:
        """Deliver nothing more to a consumer."""
        self._consumers = [each for each in self._consumers if each is not consumer]
        for name in [name for name, each in self._reply_queues.items() if each is consumer]:
            del self._reply_queues[name]

    def publish(self, message: Message, properties: Properties) -> AmqpError | None:
        """Route one message; return the verdict on it, as a confirm or a return would tell it.

        Raises:
            ChannelClosed: there is no such exchange.
        """
        if not message.exchange and (reader := self._reply_queues.get(message.routing_key)):
            reader.take(QueuedMessage(message.body, "", message.routing_key, properties))
            self.pump_soon()
            return None
        queue = self._route(message.exchange, message.routing_key)
        if queue is None:
            unroutable = Unroutable(NO_ROUTE, "NO_ROUTE", message.exchange, message.routing_key)
            return unroutable if message.mandatory else None
        if queue.full:
            return Refused(message.exchange, message.routing_key)
        self._add(queue, QueuedMessage(message.body, message.exchange, message.routing_key, properties))
        return None

    def _route(self, exchange: str, key: str) -> MemoryQueue | None:
        if not exchange:
            return self.queues.get(key)
        if exchange not in self.exchanges:
            raise ChannelClosed(f"NOT_FOUND - no exchange '{exchange}' in vhost '/'", NOT_FOUND)
        return self._bindings.get((exchange, key))

    def _add(self, queue: MemoryQueue, message: QueuedMessage) -> None:
        queue.add(message, self._clock.steady())
        self.pump_soon()
        self._expire_soon()

    def give_back(self, queue: MemoryQueue, message: QueuedMessage) -> None:
        """Put a message back that was delivered and not acked."""
        if not queue.give_back(message):
            self._move(queue, message, "delivery_limit")
        self.pump_soon()
        self._expire_soon()
        self.on_change()

    def _move(self, queue: MemoryQueue, message: QueuedMessage, reason: str) -> None:
        """Dead-letter a message at least once: it stays while its target is full (RabbitMQ, "Quorum Queues")."""
        exchange, key = queue.arguments.get("x-dead-letter-exchange"), queue.arguments.get("x-dead-letter-routing-key")
        target = self._route(str(exchange), str(key)) if exchange is not None else None
        if target is None:
            return
        if target.full:
            queue.postpone(message, self._clock.steady())
            return
        properties = _after_death(message, queue.name, reason, self._clock.posix())
        self._add(target, QueuedMessage(message.body, str(exchange), str(key), properties))

    def _expire(self) -> None:
        self._expiring = None
        for queue in self.queues.values():
            while queue.next_expiry <= self._clock.steady():
                self._move(queue, queue.take(), "expired")
        self._expire_soon()

    def _expire_soon(self) -> None:
        moment = min((queue.next_expiry for queue in self.queues.values()), default=inf)
        if self._expiring is not None:
            if self._expiring[0] == moment:
                return
            self._expiring[1].cancel()
            self._expiring = None
        if moment < inf:
            self._expiring = moment, self._clock.call_at(moment, self._expire)

    def pump_soon(self) -> None:
        """Deliver in the next turn of the loop what can be delivered."""
        if self._pumping is None:
            self._pumping = self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = None
        for consumer in list(self._consumers):
            queue = consumer.queue
            while queue is not None and consumer.has_room and len(queue):
                if queue.next_expiry <= self._clock.steady():
                    self._move(queue, queue.take(), "expired")
                else:
                    consumer.take(queue.take())
        self._consumers = self._consumers[1:] + self._consumers[:1]  # another one is the first next time
        for consumer in [*self._consumers, *self._reply_queues.values()]:
            consumer.hand_over()
        self._expire_soon()


def _after_death(message: QueuedMessage, queue: str, reason: str, now: float) -> Properties:
    """Return the properties of a message that died in a queue (RabbitMQ, "Dead Letter Exchanges")."""
    properties, headers = message.properties, dict(message.properties.headers or {})
    table: dict[str, FieldValue] = {
        "count": 1,
        "exchange": message.exchange,
        "queue": queue,
        "reason": reason,
        "routing-keys": [message.routing_key],
        "time": datetime.fromtimestamp(int(now), UTC),
    }
    if properties.expiration is not None:
        table["original-expiration"] = properties.expiration
    before = headers.get(DEATHS)
    headers[DEATHS] = [table, *(before if isinstance(before, list) else [])]
    for what, value in (("exchange", message.exchange), ("queue", queue), ("reason", reason)):
        headers.setdefault(f"x-first-death-{what}", value)
        headers[f"x-last-death-{what}"] = value
    return msgspec.structs.replace(properties, headers=headers, expiration=None)
