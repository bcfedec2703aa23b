"""The consumers of one channel, and how deliveries reach them: one batch for each read."""

from __future__ import annotations

from collections.abc import Callable

from pamqp.commands import Basic

from leveret.amqp import frames
from leveret.amqp.conversation import Conversation
from leveret.amqp.errors import AmqpError, ConsumerCancelled, InvalidArgument, ProtocolError
from leveret.amqp.message import Delivery

OnDeliveries = Callable[[list[Delivery]], None]
OnCancel = Callable[[str], None]


class Consumer:
    """One consumer of a queue. It is abandoned when its caller gave up while the broker was already sending."""

    __slots__ = ("abandoned", "arrived", "no_ack", "on_cancel", "on_deliveries", "queue", "tag")

    def __init__(
        self, tag: str, queue: str, on_deliveries: OnDeliveries, on_cancel: OnCancel | None, *, no_ack: bool
    ) -> None:
        self.tag, self.queue, self.no_ack = tag, queue, no_ack
        self.on_deliveries, self.on_cancel = on_deliveries, on_cancel
        self.arrived: list[Delivery] = []
        self.abandoned = False


class Consumers:
    """All consumers of a channel, by tag. This side chooses the tags, so that deliveries may come before consume-ok."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation, self._link = conversation, conversation.link
        self._by_tag: dict[str, Consumer] = {}
        self._made = 0

    def add(self, queue: str, on_deliveries: OnDeliveries, on_cancel: OnCancel | None, *, no_ack: bool) -> Consumer:
        """Add a consumer with a new tag."""
        self._made += 1
        consumer = Consumer(
            f"c{self._conversation.number}.{self._made}", queue, on_deliveries, on_cancel, no_ack=no_ack
        )
        self._by_tag[consumer.tag] = consumer
        return consumer

    def limit(self, consumer: Consumer, largest_body: int) -> None:
        """Let the reader drop larger bodies of that consumer while they come in.

        Raises:
            InvalidArgument: The limit is smaller than one frame, and a frame is always read as a whole.
        """
        if largest_body < self._link.reader.frame_max:
            raise InvalidArgument(f"largest_body is {largest_body}; a frame has up to {self._link.reader.frame_max}")
        self._link.reader.largest_bodies[consumer.tag] = largest_body

    def get(self, tag: str) -> Consumer | None:
        """Return the consumer with that tag, or None."""
        return self._by_tag.get(tag)

    def remove(self, tag: str) -> None:
        """Forget a consumer, for which nothing comes any more."""
        self._by_tag.pop(tag, None)
        self._link.reader.largest_bodies.pop(tag, None)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Cancel a consumer whose caller no longer waits; its deliveries go back to the queue."""
        consumer.abandoned = True
        if self._conversation.is_open:
            ask = self._conversation.ask_aside
            ask(Basic.Cancel(consumer.tag), "basic.cancel", Basic.CancelOk, lambda _: self.remove(consumer.tag))

    def end(self, _error: AmqpError) -> None:
        """Forget all consumers because the channel has ended; the broker redelivers what they have not received."""
        for consumer in self._by_tag.values():
            consumer.arrived.clear()
            self._link.reader.largest_bodies.pop(consumer.tag, None)
        self._by_tag.clear()

    def deliver(self, delivery: Delivery) -> None:
        """Keep a delivery for the end of the read.

        Raises:
            ProtocolError: No consumer has that tag.
        """
        consumer = self._by_tag.get(delivery.consumer_tag)
        if consumer is None:
            raise ProtocolError(f"a delivery to the unknown consumer {delivery.consumer_tag!r}", 503)
        if not consumer.arrived:
            self._link.after_read.append(lambda: self._hand_over(consumer))
        consumer.arrived.append(delivery)

    def _hand_over(self, consumer: Consumer) -> None:
        batch, consumer.arrived = consumer.arrived, []
        if not batch:
            return
        if consumer.abandoned:
            self._put_back(consumer, batch)
            return
        try:
            consumer.on_deliveries(batch)
        except Exception as error:  # any error; see Link.fail_for_callback
            self._link.fail_for_callback(f"the consumer of queue {consumer.queue!r}", error)

    def _put_back(self, consumer: Consumer, batch: list[Delivery]) -> None:
        if consumer.no_ack or not self._conversation.is_open:
            return  # a method after channel.close would end the connection (504)
        number = self._conversation.number
        for delivery in batch:
            self._link.write(frames.nack(number, delivery.delivery_tag, multiple=False, requeue=True))

    def cancelled(self, event: Basic.Cancel) -> None:
        """Answer the broker that cancelled a consumer, and tell the consumer's owner.

        A broker does so when the queue was deleted, or an ack was late.

        Raises:
            ConsumerCancelled: The consumer has no `on_cancel`.
        """
        if not event.nowait and self._conversation.is_open:
            self._conversation.send(Basic.CancelOk(event.consumer_tag))
        consumer = self._by_tag.pop(event.consumer_tag or "", None)
        if consumer is None or consumer.abandoned:
            return
        if consumer.on_cancel is None:
            raise ConsumerCancelled(consumer.tag, consumer.queue)
        try:
            consumer.on_cancel(consumer.tag)
        except Exception as error:  # any error; see Link.fail_for_callback
            self._link.fail_for_callback(f"on_cancel of queue {consumer.queue!r}", error)
