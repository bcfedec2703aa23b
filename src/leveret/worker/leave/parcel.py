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
        outcome: what the messages say.
        messages: those that the broker has not confirmed.
        shortened: a letter that is written as short as can be.
    """

    item: Work | DeclinedDelivery
    tag: int
    outcome: Outcome
    messages: list[Message]
    shortened: bool = False

    def lighten(self) -> None:
        """Let go of what a request holds in memory beside its body: its messages are written, and it may wait long."""
        if isinstance(self.item, Work):
            self.item = replace(self.item, request=replace(self.item.request, data={}), arguments=())
