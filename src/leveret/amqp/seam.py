"""What worker, client and tools use of a connection. The driver implements it, and so does the broker of the tests.

A connection or a channel is used by what it can do, and not by its class: `leveret.testing` has a broker in memory
whose connections have these methods and no others. What each method does, and which errors it raises, is written at
the driver's `Connection` and `Channel`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from leveret.amqp.address import Address
from leveret.amqp.addresses import Addresses
from leveret.amqp.errors import AmqpError
from leveret.amqp.limits import Limits
from leveret.amqp.message import Delivery, FieldTable, Message, QueueState


class AnyChannel(Protocol):
    """A channel of any connection; see `leveret.amqp.Channel`."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when it has ended, with the error that ended it."""

    def check(self) -> None:
        """Raise what ended it, if something did."""

    async def close(self) -> None:
        """Close it; deliveries that are not settled go back to their queues."""

    async def declare_queue(
        self, name: str, *, durable: bool = True, passive: bool = False, arguments: FieldTable | None = None
    ) -> QueueState:
        """Make a queue, or check that it exists."""

    async def declare_exchange(self, name: str, kind: str, *, durable: bool = True) -> None:
        """Make an exchange, or check that it exists."""

    async def bind_queue(self, queue: str, exchange: str, routing_key: str) -> None:
        """Let an exchange route messages with that key to the queue."""

    async def qos(self, prefetch: int) -> None:
        """Set how many unsettled deliveries each consumer that is started after this may hold."""

    async def consume(
        self,
        queue: str,
        on_deliveries: Callable[[list[Delivery]], None],
        *,
        no_ack: bool = False,
        arguments: FieldTable | None = None,
        on_cancel: Callable[[str], None] | None = None,
        largest_body: int | None = None,
    ) -> str:
        """Start a consumer of a queue and return its tag."""

    async def cancel(self, consumer_tag: str) -> None:
        """Stop a consumer; its deliveries stay in its hands."""

    def publish_batch(self, messages: Sequence[Message]) -> asyncio.Future[list[AmqpError | None]]:
        """Publish messages and return one future for all: None or an error for each, in their order."""

    def ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Tell the broker that a delivery, or with `multiple` each one up to it, has been handled."""

    def nack(self, delivery_tag: int, *, requeue: bool = True) -> None:
        """Return a delivery to its queue."""


class AnyConnection(Protocol):
    """A connection to any broker; see `leveret.amqp.Connection`."""

    @property
    def address(self) -> Address:
        """The address that it is connected to; a second connection to this address reaches the same node."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when it has ended, with the error that ended it."""

    @property
    def blocked(self) -> str | None:
        """Why the broker does not read from publishers now, or None when it does."""

    async def channel(self, *, confirms: bool = False) -> AnyChannel:
        """Open a channel, with or without publisher confirms."""

    async def writable(self) -> None:
        """Wait until it takes more."""

    async def close(self) -> None:
        """Close it; a broker that is gone is not an error."""

    def abort(self) -> None:
        """Drop it at once, without telling the broker."""


class Connect(Protocol):
    """Opens a connection. Over the network this is `Connection.open`."""

    def __call__(
        self,
        address: Addresses | Address,
        *,
        name: str,
        limits: Limits | None = None,
        on_blocked: Callable[[str | None], None] | None = None,
    ) -> Awaitable[AnyConnection]:
        """Connect to one of the addresses, or raise an AmqpError."""
