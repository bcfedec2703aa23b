"""Deliveries in hand of a worker without a broker: what is published, and when it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import cast

from leveret.amqp import Channel
from leveret.worker.leave.in_hand import InHand


class Acks:
    """A channel that keeps what is told to it.

    Attributes:
        told: tags that were acked, each perhaps with all before it, and those that were put back.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, int, bool]] = []

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        self.told.append(("ack", tag, multiple))

    def nack(self, tag: int, *, requeue: bool) -> None:
        self.told.append(("nack", tag, requeue))


class Batches:
    """One delivery in each batch.

    Attributes:
        in_hand: knows them.
    """

    def __init__(self) -> None:
        self.in_hand = InHand(cast("Channel", Acks()))
        self._tags = count(1)

    def add(self) -> int:
        """Publish for a delivery; returns the batch."""
        tag = next(self._tags)
        self.in_hand.add(tag)
        self.in_hand.publish([tag])
        return tag

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Have a function called when all batches until now are confirmed."""
        self.in_hand.when_settled(callback)

    def settled(self, batch: int) -> None:
        """Have the broker confirm a batch."""
        self.in_hand.ack([batch])
