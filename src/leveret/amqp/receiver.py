"""What the broker sends on one channel, taken to the part of the channel that waits for it."""

from __future__ import annotations

import logging

from pamqp import commands
from pamqp.commands import Basic

from leveret.amqp.confirms import Confirms
from leveret.amqp.consumers import Consumers
from leveret.amqp.conversation import Conversation
from leveret.amqp.errors import AmqpError, ConsumerCancelled, ProtocolError
from leveret.amqp.message import Confirmation, Delivery, ReturnedMessage
from leveret.amqp.reader import Event

logger = logging.getLogger("leveret.amqp")


class Receiver:
    """The connection's side of a channel: it receives events and the end. The user's side is `Channel`.

    Args:
        conversation: Takes the answers to methods, and the channel's end.
        consumers: Take deliveries.
        confirms: Take confirms and returned messages; None on a channel without confirms.
    """

    def __init__(self, conversation: Conversation, consumers: Consumers, confirms: Confirms | None) -> None:
        self._conversation, self._consumers, self._confirms = conversation, consumers, confirms

    def receive(self, event: Event) -> None:
        """Take one event of this channel.

        Raises:
            ProtocolError: Nothing on this channel can have caused it.
        """
        kind = type(event)
        if kind is Delivery:
            if self._conversation.is_open:
                self._consumers.deliver(event)  # type: ignore[arg-type]  # `kind` is its type; isinstance is slower
        elif kind is Confirmation:
            if self._confirms is None:
                raise ProtocolError("a confirm on a channel without confirms", 503)
            self._confirms.settle(event)  # type: ignore[arg-type]  # as above
        else:
            self._conversation.link.hand_over()
            self._receive_rare(event)

    def _receive_rare(self, event: Event) -> None:
        match event:
            case ReturnedMessage():
                self._returned(event)
            case commands.Channel.Close():
                self._conversation.closed_by_broker(event)
            case commands.Channel.Flow():
                self._conversation.send(commands.Channel.FlowOk(active=event.active))
            case Basic.Cancel():
                self._cancelled(event)
            case _:
                self._conversation.answer(event)

    def _returned(self, event: ReturnedMessage) -> None:
        if self._confirms is None or not self._confirms.returned(event):
            logger.warning("a message came back that nobody waits for: %s to %r", event.text, event.routing_key)

    def _cancelled(self, event: Basic.Cancel) -> None:
        try:
            self._consumers.cancelled(event)
        except ConsumerCancelled as error:
            if self._conversation.is_open:
                self._conversation.close_because(error)

    def end(self, error: AmqpError) -> None:
        """End the channel because the connection has ended."""
        self._conversation.end(error)
