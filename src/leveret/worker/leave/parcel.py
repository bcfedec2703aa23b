"""A parcel: what has to be published before one delivery may be acked."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import Message
from leveret.outcome import Outcome
from leveret.worker.work import DeclinedDelivery, Work


class Parcel(Struct, eq=False):
    """What has to be published before one delivery may be acked.

    Attributes:
        item: the delivery.
        tag: the delivery's tag.
        outcome: what becomes of the delivery.
        messages: those that the broker has not confirmed.
        shortened: whether its letter is as short as possible.
        letter: the letter among its messages, also when the broker has confirmed it.
    """

    item: Work | DeclinedDelivery
    tag: int
    outcome: Outcome
    messages: list[Message]
    shortened: bool = False
    letter: Message | None = None

    def note_letter(self) -> None:
        """Remember the letter of a request that was given up: the only one of its messages that is no reply."""
        self.letter = next((message for message in self.messages if message.mandatory), self.letter)

    def lighten(self) -> None:
        """Free the decoded data of a request: its messages are written, and it may wait for a long time."""
        if isinstance(self.item, Work):
            self.item = replace(self.item, request=replace(self.item.request, data={}), arguments=())
