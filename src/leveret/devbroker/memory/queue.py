"""A quorum queue in memory: order, redelivery, expiry and limits (RabbitMQ, "Quorum Queues"). No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from msgspec import Struct

from leveret.amqp import FieldValue, Properties
from leveret.amqp.rabbitmq import DEFAULT_PRIORITY

_KNOWN: Final = frozenset(
    {
        "x-queue-type",
        "x-delivery-limit",
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-dead-letter-strategy",
        "x-overflow",
        "x-max-length",
        "x-message-ttl",
    }
)
_LOW: Final = 0.8
"""The part of its limit down to which a full queue must shrink before it takes messages again."""

_OFFERED_AGAIN: Final = 180.0
"""Seconds after which a queue offers a dead message again that its target did not take."""


class NotInMemory(NotImplementedError):
    """The broker in memory does not do this; ``TestClient(app, real=True)`` has a RabbitMQ that does."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The broker in memory does not know {what}: run this test with real=True")


class QueuedMessage(Struct):
    """A message in a queue.

    Attributes:
        body, exchange, routing_key, properties: as it was published.
        returns: how often a consumer has given it back.
        expires: when it dies, on the broker's steady clock.
        position: where it stands in its queue: higher priorities first, then in the order in which messages came.
    """

    body: bytes
    exchange: str
    routing_key: str
    properties: Properties
    returns: int = 0
    expires: float = inf
    position: tuple[int, int] = (0, 0)


class MemoryQueue:
    """A queue; a message that it gives back stands where it stood before.

    Args:
        name: its name.
        arguments: those of a quorum queue, as `leveret.topology` declares them.

    Attributes:
        full: at its length limit, so that it refuses publishers until it has shrunk.

    Raises:
        NotInMemory: there is an argument that it does not know.
    """

    def __init__(self, name: str, arguments: Mapping[str, FieldValue]) -> None:
        if unknown := sorted(set(arguments) - _KNOWN):
            raise NotInMemory(f"the argument {unknown[0]} of queue {name!r}")
        self.name = name
        self.arguments = dict(arguments)
        self.full = False
        self._ready: list[tuple[tuple[int, int], QueuedMessage]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def next_expiry(self) -> float:
        """When the next message dies: only the head of a queue does; infinite if it never does."""
        return self._ready[0][1].expires if self._ready else inf

    def messages(self) -> list[QueuedMessage]:
        """Return the messages that wait, in their order."""
        return [message for _, message in sorted(self._ready, key=lambda each: each[0])]

    def add(self, message: QueuedMessage, now: float) -> None:
        """Add a message at the end of its priority."""
        priority = message.properties.priority
        message.position = -(DEFAULT_PRIORITY if priority is None else priority), next(self._numbers)
        message.expires = now + min(self._number("x-message-ttl"), float(message.properties.expiration or inf)) / 1000
        self._push(message)

    def give_back(self, message: QueuedMessage) -> bool:
        """Take a message back that was delivered; return False if that was once too often for its delivery limit."""
        message.returns += 1
        if message.returns > self._number("x-delivery-limit"):
            return False
        self._push(message)
        return True

    def take(self) -> QueuedMessage:
        """Remove the first message and return it."""
        message = heappop(self._ready)[1]
        if self.full and len(self) <= int(self._limit * _LOW):
            self.full = False
        return message

    def postpone(self, message: QueuedMessage, now: float) -> None:
        """Keep a dead message whose target is full, and offer it again later."""
        message.expires = now + _OFFERED_AGAIN
        heappush(self._ready, (message.position, message))

    @property
    def _limit(self) -> float:
        return self._number("x-max-length")

    def _push(self, message: QueuedMessage) -> None:
        heappush(self._ready, (message.position, message))
        self.full = self.full or len(self) > self._limit

    def _number(self, argument: str) -> float:
        value = self.arguments.get(argument)
        return float(value) if isinstance(value, int) else inf
