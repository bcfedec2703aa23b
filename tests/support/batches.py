"""A channel without a broker, for the deliveries in hand."""

from __future__ import annotations


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
