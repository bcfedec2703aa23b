"""A broker in memory: what worker, client and letters use of RabbitMQ, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from leveret.amqp import Address, Addresses, AmqpError, ConnectionLost, Limits
from leveret.devbroker.memory.channel import MemoryChannel
from leveret.devbroker.memory.queue import QueuedMessage
from leveret.devbroker.memory.routing import Routing
from leveret.process.clock import Clock


class MemoryBroker:
    """A broker for one event loop. Everything that it does not know raises `NotInMemory`.

    It behaves as RabbitMQ does as far as worker and client can notice; `tests/integration/testing` runs the same tests
    on both. Where versions of RabbitMQ differ, it does what 4.3 does: it orders by priority and writes
    ``x-last-death-...``, which 3.10 does not. It has no alarms and no users, it deletes no queue, and it takes messages
    of any size.

    Args:
        clock: tells when messages expire.
        on_change: called when messages were acked or given back.
    """

    def __init__(self, clock: Clock, on_change: Callable[[], None] = lambda: None) -> None:
        self._routing = Routing(clock, on_change)
        self._connections: list[MemoryConnection] = []

    async def connect(
        self,
        address: Addresses | Address,
        *,
        name: str,  # noqa: ARG002 - there is no page that shows it
        limits: Limits | None = None,  # noqa: ARG002 - nothing waits
        on_blocked: Callable[[str | None], None] | None = None,  # noqa: ARG002 - there are no alarms
    ) -> MemoryConnection:
        """Open a connection; see `leveret.amqp.Connect`."""
        connection = MemoryConnection(self._routing, address.members[0] if isinstance(address, Addresses) else address)
        self._connections = [*(each for each in self._connections if each.is_open), connection]
        return connection

    @property
    def moving(self) -> list[QueuedMessage]:
        """The messages that a consumer holds or is about to get."""
        return [*self._routing.waiting, *(message for each in self._connections for message in each.held())]

    def cut(self) -> None:
        """End all connections, as the loss of the network does."""
        for connection in self._connections:
            connection.end(ConnectionLost("the broker hung up"))


class MemoryConnection:
    """A connection to a broker in memory."""

    def __init__(self, routing: Routing, address: Address) -> None:
        self.address = address
        self._routing = routing
        self._channels: list[MemoryChannel] = []
        self._ended: asyncio.Future[AmqpError | None] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""
        return not self._ended.done()

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when it has ended, with the error that ended it."""
        return asyncio.shield(self._ended)

    @property
    def blocked(self) -> str | None:
        """None, because this broker has no alarms."""
        return None

    def held(self) -> list[QueuedMessage]:
        """Return the messages that were delivered on it and not settled."""
        return [message for channel in self._channels for message in channel.held()]

    async def channel(self, *, confirms: bool = False) -> MemoryChannel:
        """Open a channel."""
        self._check()
        self._channels.append(
            channel := MemoryChannel(self._routing, len(self._channels) + 1, self._fail, confirms=confirms)
        )
        return channel

    async def writable(self) -> None:
        """Return at once, because there is always room."""
        self._check()

    async def close(self) -> None:
        """Close it."""
        self.end(None)

    def abort(self) -> None:
        """Close it."""
        self.end(None)

    def end(self, error: AmqpError | None) -> None:
        """End it with its channels, because of an error or on purpose."""
        if self.is_open:
            self._ended.set_result(error)
            for channel in self._channels:
                channel.end(error or ConnectionLost("it was closed by this side"))

    def _check(self) -> None:
        if not self.is_open:
            raise (self._ended.result() or ConnectionLost("it was closed by this side")).fresh()

    def _fail(self, cause: Exception) -> None:
        error = ConnectionLost(f"a consumer raised {cause!r}")
        error.__cause__ = cause
        self.end(error)
