"""A client's line to the broker: a connection with the one channel that asks and hears the replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from leveret.amqp import Addresses, AmqpError, Channel, Connection, Delivery
from leveret.wire.envelope import DIRECT_REPLY_TO


class Line:
    """A connection whose one channel publishes with confirms and consumes the replies.

    Direct reply-to must be consumed on the channel that publishes the requests, without acks (RabbitMQ, "Direct
    Reply-to").

    Attributes:
        connection: the connection.
        channel: its channel.
        proven: the broker has confirmed something on this line, so its exchange was there.
    """

    def __init__(self, connection: Connection, channel: Channel) -> None:
        self.connection = connection
        self.channel = channel
        self.proven = False

    @classmethod
    async def open(
        cls,
        addresses: Addresses,
        name: str,
        on_replies: Callable[[list[Delivery]], None],
        on_blocked: Callable[[str | None], None],
    ) -> Self:
        """Connect, and be ready for replies.

        Args:
            addresses: of the broker, or of the nodes of a cluster.
            name: the connection's name in RabbitMQ's own pages.
            on_replies: gets all replies of a read at once.
            on_blocked: gets the reason when the broker blocks publishers, and None when that has passed.

        Raises:
            AmqpError: there is no connection, or not with what a client needs.
        """
        connection = await Connection.open(addresses, name=name, on_blocked=on_blocked)
        try:
            channel = await connection.channel(confirms=True)
            await channel.consume(DIRECT_REPLY_TO, on_replies, no_ack=True)
        except BaseException:
            connection.abort()
            raise
        return cls(connection, channel)

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when the channel, and with it this line, has ended; its result says why."""
        return self.channel.closed

    @property
    def blocked(self) -> str | None:
        """Why the broker blocks publishers at the moment, or None."""
        return self.connection.blocked

    async def close(self) -> None:
        """Close the connection; never raises."""
        await self.connection.close()
