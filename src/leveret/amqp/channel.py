"""A channel: publish with confirms, consume, get, acknowledge (AMQP 0-9-1 section 1.8)."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Sequence

from pamqp import commands
from pamqp.commands import Basic

from leveret.amqp import frames
from leveret.amqp.confirms import Confirms, Verdicts
from leveret.amqp.consumers import Consumer, Consumers, OnCancel, OnDeliveries
from leveret.amqp.declarations import Declarations
from leveret.amqp.errors import AmqpError, ConsumerCancelled, InvalidArgument, ProtocolError
from leveret.amqp.link import Link
from leveret.amqp.message import Delivery, FieldTable, Got, Message, Returned, Settled
from leveret.amqp.methods import build
from leveret.amqp.reader import Event

logger = logging.getLogger("leveret.amqp")


class Channel(Declarations):
    """One channel of a connection; `Connection.channel` makes it.

    Every wait has a limit and every error is an AmqpError. Using a channel that has ended raises at once.
    """

    def __init__(self, link: Link, number: int, release: Callable[[int], None]) -> None:
        super().__init__(link, number, release)
        self._consumers = Consumers(link, number, lambda: self.is_open)
        self._confirms: Confirms | None = None

    async def select_confirms(self) -> None:
        """Ask the broker to confirm every publish from now on (confirm.select)."""
        await self.ask(commands.Confirm.Select(), "confirm.select", commands.Confirm.SelectOk)
        self._confirms = Confirms(self._link.limits.confirm, self._link.why_slow)

    async def qos(self, prefetch: int) -> None:
        """Let at most `prefetch` unsettled deliveries (0: any number) be with each consumer started after this.

        Raises:
            InvalidArgument: Not between 0 and 65535. Quorum queues cap it at 2000.
        """
        await self.ask(build(Basic.Qos, prefetch_count=prefetch), f"basic.qos {prefetch}", Basic.QosOk)

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
        """Have the messages of a queue delivered and return the consumer's tag.

        `on_deliveries` is called in the event loop, once per read, with all complete deliveries of that read. If it
        raises, the connection ends with that as the cause: a consumer that serves nobody must not look alive.
        `on_cancel` gets the tag when the broker cancels the consumer; without it, that ends the channel.
        A body of more than `largest_body` bytes is not kept while it comes in: see `Delivery.left_out`.

        Raises:
            InvalidArgument: `largest_body` is less than a frame, or AMQP cannot carry a value.
        """
        consumer = self._consumers.add(queue, on_deliveries, on_cancel, no_ack=no_ack)
        tag = consumer.tag
        what = f"basic.consume of {queue!r}"
        try:
            if largest_body is not None:
                self._consumers.limit(consumer, largest_body)
            call = build(Basic.Consume, queue=queue, consumer_tag=tag, no_ack=no_ack, exclusive=exclusive)
            await self.ask(call, what, Basic.ConsumeOk, arguments=arguments, late=lambda _: self._unsubscribe(consumer))
        except InvalidArgument:
            self._consumers.remove(tag)
            raise
        except BaseException:
            consumer.abandoned = True
            raise
        return tag

    def _unsubscribe(self, consumer: Consumer) -> None:
        consumer.abandoned = True
        if not self.is_open:
            return
        self.send(Basic.Cancel(consumer.tag))
        forget = self._consumers.remove
        self._calls.expect("basic.cancel", Basic.CancelOk, late=lambda _: forget(consumer.tag))

    async def cancel(self, consumer_tag: str) -> None:
        """Stop a consumer; deliveries until the broker's answer still reach it. An unknown tag is no error."""
        consumer = self._consumers.get(consumer_tag)
        if consumer is None:
            return
        try:
            await self.ask(Basic.Cancel(consumer_tag), f"basic.cancel of {consumer_tag!r}", Basic.CancelOk)
        except BaseException:
            consumer.abandoned = True
            raise
        self._consumers.remove(consumer_tag)

    async def get(self, queue: str, *, no_ack: bool = False) -> Got | None:
        """Take one message, or None when the queue is empty. Without `no_ack` it must be settled."""
        call = build(Basic.Get, queue=queue, no_ack=no_ack)
        late = None if no_ack else self._put_back
        reply: Got | Basic.GetEmpty = await self.ask(call, f"basic.get from {queue!r}", Got, Basic.GetEmpty, late=late)
        return reply if isinstance(reply, Got) else None

    def _put_back(self, reply: Got | Basic.GetEmpty) -> None:
        if isinstance(reply, Got) and self.is_open:
            self.nack(reply.delivery.delivery_tag)

    async def publish(self, message: Message) -> None:
        """Publish; with confirms return once the broker has the message, otherwise once it is written.

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

        None is confirmed and not returned; Unroutable and Refused are the broker's no; ConnectionLost, ChannelClosed
        and AmqpTimeout mean unknown. The future always ends, at the latest at the limit `confirm`, and never raises.
        Without confirms it is done at once. It does not wait for room: see `Connection.writable`.

        Raises:
            InvalidArgument: One of them cannot be sent, and none was; or mandatory without confirms.
            AmqpError: The channel or the connection has ended; nothing was sent.
        """
        self.check()
        number, frame_max, confirms = self.number, self._link.reader.frame_max, self._confirms
        if confirms is None:
            return self._publish_unconfirmed(messages)
        messages = tuple(messages)
        if messages:
            written = [
                frames.publish(number, message, frame_max, sequence if message.mandatory else 0)
                for sequence, message in enumerate(messages, confirms.next)
            ]
            self._link.write(b"".join(written) if len(written) > 1 else written[0])
        return confirms.open(messages)

    def _publish_unconfirmed(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        if any(message.mandatory for message in messages):
            raise InvalidArgument(
                "a mandatory message needs a channel with confirms: nobody could be told of its return"
            )
        frame_max = self._link.reader.frame_max
        self._link.write(b"".join([frames.publish(self.number, message, frame_max) for message in messages]))
        future: asyncio.Future[Verdicts] = self._link.loop.create_future()
        future.set_result([None] * len(messages))
        return future

    def ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Settle a delivery of this channel, or all up to it. Written with the rest of this turn of the loop."""
        self.check()
        self._link.write(_settlement(frames.ack, self.number, delivery_tag, multiple=multiple))

    def nack(self, delivery_tag: int, *, multiple: bool = False, requeue: bool = True) -> None:
        """Give a delivery back to its queue, or drop it (then it is dead-lettered where the queue says so)."""
        self.check()
        self._link.write(_settlement(frames.nack, self.number, delivery_tag, multiple=multiple, requeue=requeue))

    def reject(self, delivery_tag: int, *, requeue: bool = True) -> None:
        """Like nack of a single delivery."""
        self.check()
        self._link.write(_settlement(frames.reject, self.number, delivery_tag, requeue=requeue))

    def receive(self, event: Event) -> None:
        """Take an event of this channel; the connection calls this."""
        kind = type(event)
        if kind is Delivery:
            if not (self._closing or self._ended.done()):  # is_open without a call, for each delivery
                self._consumers.deliver(event)  # type: ignore[arg-type]  # its type was looked at by identity, for speed
        elif kind is Settled:
            if self._confirms is None:
                raise ProtocolError("a confirm on a channel without confirms", 503)
            self._confirms.settle(event)  # type: ignore[arg-type]  # as above
        else:
            self._link.hand_over()
            self._receive_rare(event)

    def _receive_rare(self, event: Event) -> None:
        match event:
            case Returned():
                self._returned(event)
            case commands.Channel.Close():
                self.closed_by_broker(event)
            case commands.Channel.Flow():
                self.send(commands.Channel.FlowOk(active=event.active))
            case Basic.Cancel():
                self._cancelled(event)
            case _:
                self._calls.reply(event)

    def _returned(self, event: Returned) -> None:
        if self._confirms is None or not self._confirms.returned(event):
            logger.warning("a message came back that nobody waits for: %s to %r", event.text, event.routing_key)

    def _cancelled(self, event: Basic.Cancel) -> None:
        try:
            self._consumers.cancelled(event)
        except ConsumerCancelled as error:
            if self.is_open:
                self.close_because(error)

    def on_end(self, error: AmqpError) -> None:
        """Settle what waits for a confirm, and forget the consumers."""
        self._consumers.clear()
        if self._confirms is not None:
            self._confirms.end(error)


def _settlement(encode: Callable[..., bytes], channel: int, delivery_tag: int, **how: bool) -> bytes:
    try:
        return encode(channel, delivery_tag, **how)
    except struct.error as error:
        raise InvalidArgument(f"{delivery_tag!r} is not a delivery tag") from error
