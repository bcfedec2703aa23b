"""A client's line to the broker: a connection with one channel, which sends requests and receives replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from leveret.amqp import Addresses, AmqpError, AnyChannel, AnyConnection, Connect, Delivery
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO


class Line:
    """A connection whose one channel publishes with confirms and consumes the replies.

    With direct reply-to, replies are consumed without acks on the channel that publishes the requests (RabbitMQ docs
    "Direct Reply-to").

    Attributes:
        connection: the connection.
        channel: its channel.
        proven: whether the broker has confirmed a message on this line; then the exchange exists.
    """

    def __init__(self, connection: AnyConnection, channel: AnyChannel) -> None:
        self.connection = connection
        self.channel = channel
        self.proven = False

    @classmethod
    async def open(
        cls,
        connect: Connect,
        addresses: Addresses,
        name: str,
        on_replies: Callable[[list[Delivery]], None],
        on_blocked: Callable[[str | None], None],
    ) -> Self:
        """Connect and start to consume replies.

        Args:
            connect: opens the connection.
            addresses: those of the broker, or of the nodes of a cluster.
            name: the connection's name on RabbitMQ's management page.
            on_replies: called with all replies of one read.
            on_blocked: called with the reason when the broker blocks publishers, and with None when it stops doing so.

        Raises:
            AmqpError: there is no connection, or the broker refuses what a client needs.
        """
        connection = await connect(addresses, name=name, on_blocked=on_blocked)
        try:
            channel = await connection.channel(confirms=True)
            await channel.consume(DIRECT_REPLY_TO, on_replies, no_ack=True)
        except BaseException:
            connection.abort()
            raise
        return cls(connection, channel)

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when the channel, and so the line, has ended; the result is the reason."""
        return self.channel.closed

    @property
    def blocked(self) -> str | None:
        """Why the broker blocks publishers now, or None."""
        return self.connection.blocked

    async def close(self) -> None:
        """Close the connection; a broker that is gone is not an error."""
        await self.connection.close()
