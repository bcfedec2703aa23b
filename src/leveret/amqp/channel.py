"""A channel for its user: declare, publish with confirms, consume, get, settle (AMQP 0-9-1 sections 1.5 to 1.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pamqp.commands import Basic, Exchange, Queue

from leveret.amqp import frames
from leveret.amqp.confirms import Confirms, Verdicts
from leveret.amqp.consumers import Consumers, OnCancel, OnDeliveries
from leveret.amqp.conversation import Conversation
from leveret.amqp.errors import AmqpError, InvalidArgument
from leveret.amqp.message import FetchedMessage, FieldTable, Message, QueueState
from leveret.amqp.methods import build


class Channel:
    """One channel of a connection; `Connection.channel` makes it.

    Every wait has a limit and every error is an AmqpError. Using a channel that has ended raises at once. A method
    that waits for the broker's answer raises InvalidArgument when nothing was sent, ChannelClosed when the broker
    refused (the channel has ended then), ConnectionLost or AmqpTimeout.

    Args:
        conversation: The channel's methods and its end.
        consumers: The channel's consumers.
        confirms: The publishes that the broker has not confirmed yet; None on a channel without confirms.

    Attributes:
        number: The channel's number on its connection, as the broker shows it.
    """

    def __init__(self, conversation: Conversation, consumers: Consumers, confirms: Confirms | None) -> None:
        self._conversation, self._consumers, self._confirms = conversation, consumers, confirms
        self._link, self.number = conversation.link, conversation.number

    @property
    def is_open(self) -> bool:
        """Whether the channel can be used now."""
        return self._conversation.is_open

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when the channel has ended: with the error that ended it, or None after our own close.

        Each access returns a new future, so that cancelling one waiter does not cancel the others.
        """
        return self._conversation.closed

    def check(self) -> None:
        """Raise what ended the connection or the channel, if something did."""
        self._conversation.check()

    async def close(self) -> None:
        """Close the channel; deliveries that are not settled go back to their queues.

        Closing again does nothing. It waits at most the limit `close`, and a broker that is gone is not an error.
        """
        await self._conversation.close()

    async def declare_queue(
        self,
        name: str = "",
        *,
        durable: bool = True,
        exclusive: bool = False,
        auto_delete: bool = False,
        passive: bool = False,
        arguments: FieldTable | None = None,
    ) -> QueueState:
        """Make a queue, or check that it exists as described; without a name the broker chooses one.

        Raises:
            InequivalentArguments: A queue of that name has other arguments.
            ChannelClosed: 404 with `passive` when it does not exist, 405 when another connection owns it.
        """
        call = build(
            Queue.Declare,
            queue=name,
            passive=passive,
            durable=durable,
            exclusive=exclusive,
            auto_delete=auto_delete,
        )
        state = await self._conversation.ask(call, f"queue.declare of {name!r}", Queue.DeclareOk, arguments=arguments)
        return QueueState(state.queue or "", state.message_count or 0, state.consumer_count or 0)

    async def declare_exchange(
        self,
        name: str,
        kind: str = "direct",
        *,
        durable: bool = True,
        passive: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: FieldTable | None = None,
    ) -> None:
        """Make an exchange of a kind, or check that it exists as described.

        Raises:
            InequivalentArguments: An exchange of that name has another kind or other arguments.
            ChannelClosed: 404 with `passive` when it does not exist.
        """
        call = build(
            Exchange.Declare,
            exchange=name,
            exchange_type=kind,
            passive=passive,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
        )
        what = f"exchange.declare of {name!r}"
        await self._conversation.ask(call, what, Exchange.DeclareOk, arguments=arguments)

    async def bind_queue(
        self, queue: str, exchange: str, routing_key: str, arguments: FieldTable | None = None
    ) -> None:
        """Let an exchange route messages with that key to the queue. Binding twice is the same as binding once."""
        call = build(Queue.Bind, queue=queue, exchange=exchange, routing_key=routing_key)
        what = f"queue.bind of {queue!r} to {exchange!r}"
        await self._conversation.ask(call, what, Queue.BindOk, arguments=arguments)

    async def unbind_queue(
        self, queue: str, exchange: str, routing_key: str, arguments: FieldTable | None = None
    ) -> None:
        """Remove a binding; one that does not exist is not an error."""
        call = build(Queue.Unbind, queue=queue, exchange=exchange, routing_key=routing_key)
        what = f"queue.unbind of {queue!r} from {exchange!r}"
        await self._conversation.ask(call, what, Queue.UnbindOk, arguments=arguments)

    async def delete_queue(self, name: str, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Delete a queue and return how many messages were in it; one that does not exist is not an error.

        Raises:
            ChannelClosed: 406 when a condition does not hold; 540 for a quorum queue, which has no conditions.
        """
        call = build(Queue.Delete, queue=name, if_unused=if_unused, if_empty=if_empty)
        done = await self._conversation.ask(call, f"queue.delete of {name!r}", Queue.DeleteOk)
        return done.message_count or 0

    async def delete_exchange(self, name: str, *, if_unused: bool = False) -> None:
        """Delete an exchange and its bindings; one that does not exist is not an error."""
        call = build(Exchange.Delete, exchange=name, if_unused=if_unused)
        await self._conversation.ask(call, f"exchange.delete of {name!r}", Exchange.DeleteOk)

    async def purge_queue(self, name: str) -> int:
        """Drop the messages that wait in a queue and return how many; those that consumers hold stay."""
        done = await self._conversation.ask(build(Queue.Purge, queue=name), f"queue.purge of {name!r}", Queue.PurgeOk)
        return done.message_count or 0

    async def qos(self, prefetch: int) -> None:
        """Set how many unsettled deliveries (0: any number) each consumer that is started after this may hold.

        Raises:
            InvalidArgument: Not between 0 and 65535. Quorum queues cap it at 2000.
        """
        call = build(Basic.Qos, prefetch_count=prefetch)
        await self._conversation.ask(call, f"basic.qos {prefetch}", Basic.QosOk)

    async def consume(
        self,
        queue: str,
        on_deliveries: OnDeliveries,
        *,
        no_ack: bool = False,
        exclusive: bool = False,
        arguments: FieldTable | None = None,
        on_cancel: OnCancel | None = None,
        largest_body: int | None = None,
    ) -> str:
        """Start a consumer of a queue and return its tag.

        `on_deliveries` is called in the event loop, once per read, with all complete deliveries of that read. If it
        raises, the connection ends with that as the cause: a consumer that handles nothing must not look alive.
        `on_cancel` gets the tag when the broker cancels the consumer; without it, that ends the channel.
        A body of more than `largest_body` bytes is dropped while it comes in: see `Delivery.left_out`.

        Raises:
            InvalidArgument: `largest_body` is less than a frame, or AMQP cannot carry a value.
        """
        consumer = self._consumers.add(queue, on_deliveries, on_cancel, no_ack=no_ack)
        tag, late = consumer.tag, self._consumers.unsubscribe
        what = f"basic.consume of {queue!r}"
        try:
            if largest_body is not None:
                self._consumers.limit(consumer, largest_body)
            call = build(Basic.Consume, queue=queue, consumer_tag=tag, no_ack=no_ack, exclusive=exclusive)
            await self._conversation.ask(
                call, what, Basic.ConsumeOk, arguments=arguments, late=lambda _: late(consumer)
            )
        except InvalidArgument:
            self._consumers.remove(tag)
            raise
        except BaseException:
            consumer.abandoned = True
            raise
        return tag

    async def cancel(self, consumer_tag: str) -> None:
        """Stop a consumer. Deliveries that come before the broker's answer still reach it.

        A tag that is not known is not an error.
        """
        consumer = self._consumers.get(consumer_tag)
        if consumer is None:
            return
        what = f"basic.cancel of {consumer_tag!r}"
        try:
            await self._conversation.ask(Basic.Cancel(consumer_tag), what, Basic.CancelOk)
        except BaseException:
            consumer.abandoned = True
            raise
        self._consumers.remove(consumer_tag)

    async def get(self, queue: str, *, no_ack: bool = False) -> FetchedMessage | None:
        """Take one message from a queue, or return None when it is empty. Without `no_ack` it must be settled."""
        call, what = build(Basic.Get, queue=queue, no_ack=no_ack), f"basic.get from {queue!r}"
        late = None if no_ack else self._put_back
        answer: FetchedMessage | Basic.GetEmpty = await self._conversation.ask(
            call, what, FetchedMessage, Basic.GetEmpty, late=late
        )
        return answer if isinstance(answer, FetchedMessage) else None

    def _put_back(self, answer: FetchedMessage | Basic.GetEmpty) -> None:
        if isinstance(answer, FetchedMessage) and self.is_open:
            self.nack(answer.delivery.delivery_tag)

    async def publish(self, message: Message) -> None:
        """Publish one message; with confirms return once the broker has it, otherwise once it is written.

        Raises:
            Unroutable: It was mandatory and no queue takes it.
            Refused: The broker does not take it.
            ConnectionLost, ChannelClosed, AmqpTimeout: Unknown whether the broker has it.
        """
        await self._link.writable()
        (verdict,) = await self.publish_batch((message,))
        if verdict is not None:
            raise verdict

    def publish_batch(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        """Write messages in one piece and return one future for all: None or an error for each, in their order.

        None means that the broker has the message. Unroutable and Refused mean that it does not. ConnectionLost,
        ChannelClosed and AmqpTimeout mean that nobody knows. The future never raises and always ends, at the latest
        at the limit `confirm`; without confirms it is done at once. It does not wait until the connection takes more:
        see `Connection.writable`.

        Raises:
            InvalidArgument: One of the messages cannot be sent, and none was; or one is mandatory without confirms.
            AmqpError: The channel or the connection has ended; nothing was sent.
        """
        self._conversation.check()
        messages, confirms = tuple(messages), self._confirms
        if confirms is None:
            return self._publish_unconfirmed(messages)
        number, frame_max = self.number, self._link.reader.frame_max
        if messages:
            written = [
                frames.publish(number, message, frame_max, sequence if message.mandatory else 0)
                for sequence, message in enumerate(messages, confirms.next)
            ]
            self._link.write(b"".join(written) if len(written) > 1 else written[0])
        return confirms.open(messages)

    def _publish_unconfirmed(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        if any(message.mandatory for message in messages):
            raise InvalidArgument("a mandatory message needs a channel with confirms, which tell whether it came back")
        frame_max = self._link.reader.frame_max
        self._link.write(b"".join([frames.publish(self.number, message, frame_max) for message in messages]))
        future: asyncio.Future[Verdicts] = self._link.loop.create_future()
        future.set_result([None] * len(messages))
        return future

    def ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Tell the broker that a delivery, or with `multiple` each one up to it, has been handled."""
        self._conversation.check()
        self._link.write(frames.ack(self.number, delivery_tag, multiple=multiple))

    def nack(self, delivery_tag: int, *, multiple: bool = False, requeue: bool = True) -> None:
        """Return a delivery to its queue, or without `requeue` drop it or dead-letter it, as the queue says."""
        self._conversation.check()
        self._link.write(frames.nack(self.number, delivery_tag, multiple=multiple, requeue=requeue))

    def reject(self, delivery_tag: int, *, requeue: bool = True) -> None:
        """Do what `nack` does, for a single delivery (basic.reject)."""
        self._conversation.check()
        self._link.write(frames.reject(self.number, delivery_tag, requeue=requeue))
