"""A message whose frames are still coming on one channel, and what it becomes when they are all there."""

from __future__ import annotations

from typing import Any, Final

from leveret.amqp.message import EMPTY, Delivery, FetchedMessage, Properties, ReturnedMessage

DELIVER: Final = 0x3C003C
GET_OK: Final = 0x3C0047
RETURN: Final = 0x3C0032
"""The methods that a message follows: class and method number."""


class Content:
    """One message: its method, then its header, then its body in pieces.

    Attributes:
        method: Which of the three it follows.
        opening: What that says.
        properties: None until the header has come.
        sequence: The number that was among them, or 0.
        unreadable: Why they cannot be read, or an empty text.
        left: Bytes of the body that are still to come.
        pieces: Those that have come.
        left_out: Bytes of a body that is not kept, or 0.
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
        """Keep nothing of a body that is larger."""
        if largest is not None and self.left > largest:
            self.left_out = self.left

    def event(self, body: bytes) -> Delivery | FetchedMessage | ReturnedMessage:
        """The whole message, when its header and this body have come."""
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
