"""A message of which some frames have come on one channel, and the event it becomes when all have come."""

from __future__ import annotations

from typing import Any, Final

from leveret.amqp.message import EMPTY, Delivery, FetchedMessage, Properties, ReturnedMessage

DELIVER: Final = 0x3C003C
GET_OK: Final = 0x3C0047
RETURN: Final = 0x3C0032
"""The methods that a message can follow, as class and method number."""


class Content:
    """One message: its method, then its header, then its body in pieces.

    Attributes:
        method: The method that it follows, one of the three above.
        opening: The fields of that method.
        properties: None until the header has come.
        sequence: The sequence number in the header, or 0.
        unreadable: Why the properties cannot be read, or an empty text.
        left: How many bytes of the body are still to come.
        pieces: The pieces of the body that have come.
        left_out: The size of a body that is not kept, or 0.
    """

    __slots__ = ("left", "left_out", "method", "opening", "pieces", "properties", "sequence", "unreadable")

    def __init__(self, method: int, opening: tuple[Any, ...]) -> None:
        self.method = method
        self.opening = opening
        self.properties: Properties | None = None
        self.left = self.left_out = self.sequence = 0
        self.pieces: list[bytes] = []
        self.unreadable = ""

    def leave_out_above(self, largest: int | None) -> None:
        """Drop the body if it is larger than that."""
        if largest is not None and self.left > largest:
            self.left_out = self.left

    def event(self, body: bytes) -> Delivery | FetchedMessage | ReturnedMessage:
        """Return the complete message with this body; the header must have come."""
        properties = self.properties or EMPTY
        if self.method == DELIVER:
            consumer_tag, tag, redelivered, exchange, key = self.opening
            return Delivery(
                consumer_tag, tag, redelivered, exchange, key, properties, body, self.unreadable, self.left_out
            )
        if self.method == RETURN:
            code, text, exchange, key = self.opening
            return ReturnedMessage(self.sequence, code, text, exchange, key, properties, body)
        tag, redelivered, exchange, key, count = self.opening
        return FetchedMessage(Delivery("", tag, redelivered, exchange, key, properties, body, self.unreadable), count)
