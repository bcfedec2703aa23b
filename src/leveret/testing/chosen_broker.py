"""Where a test's messages go: a broker in memory whose clock can be moved, or a RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from msgspec import Struct

from leveret.amqp import Connect, Connection
from leveret.broker.connecting import BrokerTrouble
from leveret.broker.queues import remove_topology
from leveret.devbroker.memory.broker import MemoryBroker
from leveret.process.clock import MACHINE, Clock
from leveret.testing.clock import MovableClock
from leveret.topology import Topology


class ChosenBroker(Struct, frozen=True):
    """A broker, and the time there.

    Attributes:
        address: the broker's.
        connect: opens connections to it.
        clock: tells the time there.
        moving: returns how many messages are under way, as far as the broker tells.
        wait: lets this many seconds pass.
        next_due: returns the next moment at which something happens, on the steady clock, as far as the broker tells.
        cut: ends all connections; None where the broker is not ours to do that.
    """

    address: str
    connect: Connect
    clock: Clock
    moving: Callable[[], int]
    wait: Callable[[float], Awaitable[None]]
    next_due: Callable[[], float | None]
    cut: Callable[[], None] | None = None


@asynccontextmanager
async def memory_broker(on_change: Callable[[], None]) -> AsyncIterator[ChosenBroker]:
    """Make a broker in memory for the running event loop.

    Args:
        on_change: called whenever a message may have come to its end.
    """
    clock = MovableClock()
    broker = MemoryBroker(clock.clock, on_change)
    try:
        yield ChosenBroker(
            "amqp://memory",
            broker.connect,
            clock.clock,
            lambda: len(broker.moving),
            clock.move,
            clock.next_due,
            broker.cut,
        )
    finally:
        clock.close()


@asynccontextmanager
async def real_broker(address: str, topology: Topology) -> AsyncIterator[ChosenBroker]:
    """Use a RabbitMQ, and remove the queues of the test at the end.

    Args:
        address: the broker's.
        topology: names that no other test has.
    """
    try:
        yield ChosenBroker(address, Connection.open, MACHINE, lambda: 0, asyncio.sleep, lambda: None)
    except BaseException:
        with suppress(BrokerTrouble):  # what the block failed with says more
            await remove_topology(address, topology)
        raise
    await remove_topology(address, topology)
