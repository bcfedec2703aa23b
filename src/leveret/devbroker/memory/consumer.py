"""A consumer of a queue in memory, or of direct replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from leveret.amqp import Delivery
from leveret.devbroker.memory.queue import MemoryQueue, QueuedMessage

MOST_IN_HAND: Final = 2_000
"""How many messages a quorum queue lends one consumer at most, whatever its prefetch."""


class MemoryConsumer(Struct, eq=False):
    """A consumer; its messages are handed over together, as those of one read.

    Attributes:
        tag: its tag.
        queue: what it consumes; None for direct replies.
        prefetch: how many messages it may hold; 0 for as many as a quorum queue lends.
        largest_body: bytes; a larger body is left out. None for no limit.
        keep: remembers a message that has to be settled, and returns its delivery tag.
        on_deliveries: called with the deliveries.
        fail: called with what that raised.
        held: how many messages are not settled.
        arrived: what is handed over next.
    """

    tag: str
    queue: MemoryQueue | None
    prefetch: int
    largest_body: int | None
    keep: Callable[[MemoryConsumer, QueuedMessage], int]
    on_deliveries: Callable[[list[Delivery]], None]
    fail: Callable[[Exception], None]
    held: int = 0
    arrived: list[Delivery] = msgspec.field(default_factory=list)

    @property
    def has_room(self) -> bool:
        """Whether it may get one more message."""
        return self.held < min(self.prefetch or MOST_IN_HAND, MOST_IN_HAND)

    def take(self, message: QueuedMessage) -> None:
        """Take a message, which is handed over with the others of this turn."""
        properties, size = message.properties, len(message.body)
        if message.returns:
            headers = {**(properties.headers or {}), "x-delivery-count": message.returns}
            properties = msgspec.structs.replace(properties, headers=headers)
        left_out = size if self.largest_body is not None and size > self.largest_body else 0
        self.arrived.append(
            Delivery(
                self.tag,
                self.keep(self, message),
                message.returns > 0,
                message.exchange,
                message.routing_key,
                properties,
                b"" if left_out else message.body,
                left_out=left_out,
            )
        )

    def hand_over(self) -> None:
        """Hand over what has come; an error of the callback ends the connection, as it does over the network."""
        batch, self.arrived = self.arrived, []
        if batch:
            try:
                self.on_deliveries(batch)
            except Exception as error:  # a consumer that handles nothing must not look alive
                self.fail(error)
