"""A worker's session: two connections to one broker and their channels, until one connection is lost.

One connection consumes and acks, the other publishes: during a memory or disk alarm the broker stops reading from
connections that publish, and acks must still flow (RabbitMQ, "Memory and Disk Alarms").
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Self

from msgspec import Struct

from leveret.amqp import Addresses, AmqpError, AnyChannel, AnyConnection, ChannelClosed, Connect, Delivery, Limits
from leveret.broker.declaring import declare_queues
from leveret.process.backoff import Pauses
from leveret.topology import Topology
from leveret.wire.limits import LARGEST_MOVED_REQUEST
from leveret.worker.publishing import Publisher

logger: Final = logging.getLogger("leveret.worker")

PUBLISHING: Final = Limits(confirm=300.0)
"""Limits of the connection that publishes: an alarm may delay confirms; heartbeats find a dead peer much earlier."""


_ACCESS_REFUSED: Final = 403


class SessionLost(Exception):
    """A session with the broker is over; the text says why. The worker opens another one.

    Args:
        text: the reason, for the log.
        cause: the error that ended the session.

    Attributes:
        fatal: whether every further session would end in the same way, until somebody changes something at the broker.
        lasted: seconds from its beginning to its end.
    """

    def __init__(self, text: str, cause: Exception | None = None) -> None:
        super().__init__(text)
        self.__cause__ = cause
        self.fatal = isinstance(cause, ChannelClosed) and cause.fatal
        self.lasted = 0.0


class PublishRefused(SessionLost):
    """A session is over because the worker's user may not publish any more; the cause's text names the exchange.

    It is not fatal: the worker could publish before, so somebody has just taken the permission away, perhaps for a
    minute. No request is lost, because nothing is acked before its messages are confirmed.

    Args:
        cause: the broker's refusal.
    """

    def __init__(self, cause: AmqpError) -> None:
        super().__init__(
            f"this worker may not publish: {cause}. Give its user write permission on that exchange; "
            "until then requests stay in their queue",
            cause,
        )
        self.fatal = False


class Reopening:
    """Decides when the next session is opened after one that has ended or could not be opened: pauses grow meanwhile.

    Whoever takes the permission to publish away has often taken others away with it, which a declaration needs. So once
    a publish was refused, refused declarations are waited for too, until a session has gone well.
    """

    def __init__(self) -> None:
        self._pauses = Pauses()
        self._may_not_publish = False

    def pause_after(self, error: AmqpError | SessionLost) -> float | None:
        """Return how many seconds to wait; None if no further session can go better until somebody changes something.

        A session in which publishing was refused has not gone well, however long it lasted.

        Args:
            error: why there is no session, or why it is over.
        """
        if isinstance(error, PublishRefused):
            self._may_not_publish = True
        elif isinstance(error, SessionLost) and self._pauses.held(error.lasted):
            self._may_not_publish = False
        if error.fatal and not (self._may_not_publish and is_refused(error)):
            return None
        return self._pauses.next()


def is_refused(error: Exception | None) -> bool:
    """Whether the broker has refused something because this user lacks a permission."""
    return isinstance(error, ChannelClosed) and error.reply_code == _ACCESS_REFUSED


class QueueDepth(Struct, frozen=True):
    """What the broker says about a queue: how many messages wait for a consumer, and how many consumers it has."""

    messages: int
    consumers: int


class Session:
    """Two open connections to one broker, with the topology declared.

    Attributes:
        consumer: the channel on which deliveries come and are acked.
        publisher: publishes with confirms.
        prefetch: the most deliveries in hand.
        trouble: why what the broker itself moves to the dead letters is not copied; empty if nothing is wrong.
        lost: done as soon as the session is over, with the reason; the reason is None if the session was closed.
    """

    def __init__(
        self,
        consuming: AnyConnection,
        publishing: AnyConnection,
        consumer: AnyChannel,
        publisher: AnyChannel,
        *,
        prefetch: int,
        topology: Topology,
        connect: Callable[[str], Awaitable[AnyConnection]],
        trouble: str = "",
    ) -> None:
        self.consumer = consumer
        self.publisher = Publisher(publishing, publisher, self.fail_publishing)
        self.prefetch = prefetch
        self.trouble = trouble
        self._topology = topology
        self._connect = connect
        self.lost: asyncio.Future[SessionLost | None] = asyncio.get_running_loop().create_future()
        self._connections = (consuming, publishing)
        self._asking: AnyChannel | None = None
        self._subscribing: asyncio.Task[str] | None = None
        for ending in (consuming.closed, publishing.closed):
            ending.add_done_callback(self._ended)
        consumer.closed.add_done_callback(partial(self._consumer_ended, consumer))

    @classmethod
    async def open(
        cls, connect: Connect, addresses: Addresses, topology: Topology, *, name: str, prefetch: int
    ) -> Self:
        """Connect twice to the same node, declare the topology, limit the prefetch.

        Raises:
            AmqpError: the broker cannot be reached, or it refuses something.
        """
        consuming = await connect(addresses, name=f"{name} consumes")

        def connect_beside(does: str) -> Awaitable[AnyConnection]:
            return connect(consuming.address, name=f"{name} {does}", limits=PUBLISHING)

        try:
            publishing = await connect_beside("publishes")
            try:
                consumer = await consuming.channel()
                declared = await declare_queues(consuming, topology)
                await consumer.qos(prefetch)
                publisher = await publishing.channel(confirms=True)
                return cls(
                    consuming,
                    publishing,
                    consumer,
                    publisher,
                    prefetch=prefetch,
                    topology=topology,
                    trouble=declared.trouble,
                    connect=connect_beside,
                )
            except BaseException:
                await publishing.close()
                raise
        except BaseException:
            await consuming.close()
            raise

    async def consume(self, queue: str, on_deliveries: Callable[[list[Delivery]], None]) -> None:
        """Consume a queue; a body that is larger than any request comes without its bytes.

        Subscribing goes on when its caller is cancelled; ``stop_consuming`` ends it once the broker has answered. So
        deliveries that the broker has already sent are finished, and do not go back to the queue as redelivered.

        Args:
            queue: the queue's name.
            on_deliveries: called once for each read of the socket.

        Raises:
            AmqpError: the broker refused, or the session is over.
        """
        subscribe = self.consumer.consume(
            queue, on_deliveries, on_cancel=self._cancelled, largest_body=LARGEST_MOVED_REQUEST
        )
        self._subscribing = asyncio.create_task(subscribe)
        await asyncio.shield(self._subscribing)

    async def stop_consuming(self) -> None:
        """Stop consuming; deliveries in hand stay in hand.

        Raises:
            AmqpError: the session is over.
        """
        if (subscribing := self._subscribing) is not None:
            await asyncio.wait((subscribing,))
            self._subscribing = None  # not earlier: a caller that is cancelled while it waits has stopped nothing
            if subscribing.exception() is None:
                await self.consumer.cancel(subscribing.result())

    async def renew(self) -> None:
        """Replace the channel for deliveries by a new one; nothing may be in hand or be consumed.

        Raises:
            AmqpError: the session is over.
        """
        before, self.consumer = self.consumer, await self._connections[0].channel()
        self.consumer.closed.add_done_callback(partial(self._consumer_ended, self.consumer))
        await before.close()
        await self.consumer.qos(self.prefetch)

    async def flushed(self) -> None:
        """Wait until the broker has read all acks: it answers the methods of a channel in order.

        Raises:
            AmqpError: the session is over.
        """
        await self.consumer.qos(1)

    async def restore(self) -> None:
        """Declare missing queues; an error is logged."""
        try:
            await declare_queues(self._connections[0], self._topology)
        except AmqpError as error:
            logger.warning("missing queues could not be declared: %s", error)

    async def connect_for_replies(self) -> AnyConnection:
        """Open a connection whose end does not end the session; the caller closes it.

        Raises:
            AmqpError: the broker cannot be reached.
        """
        return await self._connect("answers new reply queues")

    @property
    def blocked(self) -> bool:
        """Whether the broker reads nothing from publishers at present, because of an alarm."""
        return self._connections[1].blocked is not None

    async def waiting(self, queue: str) -> QueueDepth | None:
        """Ask how many messages wait in a queue, and how many consumers it has; None if the broker does not say."""
        try:
            if self._asking is None or not self._asking.is_open:  # a channel of its own: a refusal closes it
                self._asking = await self._connections[0].channel()
            state = await self._asking.declare_queue(queue, passive=True)
        except AmqpError as error:
            logger.debug("the broker does not say what waits in %s: %s", queue, error)
            return None
        return QueueDepth(state.messages, state.consumers)

    def end(self, lost: SessionLost | None) -> None:
        """End the session, unless it has already ended."""
        if not self.lost.done():
            self.lost.set_result(lost)

    def fail(self, error: AmqpError) -> None:
        """End the session because of an error of its connections or its consumer."""
        self.end(SessionLost(str(error), error))

    def fail_publishing(self, error: AmqpError) -> None:
        """End the session because of an error of publishing."""
        self.end(PublishRefused(error) if is_refused(error) else SessionLost(str(error), error))

    async def close(self) -> None:
        """Close both connections; what is not acked goes back to its queue."""
        self.end(None)
        for connection in self._connections:
            await connection.close()

    def _ended(self, ending: asyncio.Future[AmqpError | None]) -> None:
        self.fail(ending.result() or AmqpError("closed"))

    def _consumer_ended(self, channel: AnyChannel, ending: asyncio.Future[AmqpError | None]) -> None:
        if channel is self.consumer:  # otherwise another channel has taken its place
            self._ended(ending)

    def _cancelled(self, _tag: str) -> None:
        why = "its queue was deleted or moved, or a delivery was not acked in time"
        self.end(SessionLost(f"the broker cancelled the consumer: {why}"))
