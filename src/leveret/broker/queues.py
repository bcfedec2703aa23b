"""What an operator does with the queues of a topology: count what waits in them, declare, purge, remove them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from leveret.amqp import ChannelClosed, Connection, QueueState
from leveret.broker.connecting import connected
from leveret.broker.declaring import Declared, declare
from leveret.topology import Topology

_NOT_FOUND: Final = 404


class QueueReport(Struct, frozen=True):
    """One queue of a topology at this moment.

    Attributes:
        name: its name.
        purpose: what it is for.
        messages: how many messages wait, without those in consumers' hands; None when there is no such queue.
        consumers: how many consumers it has; None when there is no such queue.
    """

    name: str
    purpose: str
    messages: int | None
    consumers: int | None


async def report_queues(url: str, topology: Topology) -> list[QueueReport]:
    """Count what waits in each queue of a topology; nothing is declared.

    Raises:
        BrokerTrouble: there is no connection, or no permission.
    """
    async with connected(url) as connection:
        reports = []
        for queue in topology.queues:
            state = await state_of(connection, queue.name)
            counts = (state.messages, state.consumers) if state else (None, None)
            reports.append(QueueReport(queue.name, queue.purpose, *counts))
        return reports


async def apply_topology(url: str, topology: Topology) -> Declared:
    """Declare everything of a topology; what is there already stays as it is.

    Raises:
        BrokerTrouble: something is there with other arguments; the text says what, and what to do.
    """
    async with connected(url) as connection:
        return await declare(connection, topology)


async def purge_queue(url: str, queue: str) -> int:
    """Drop the messages that wait in a queue, and return how many they were; those in workers' hands stay.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
    """
    async with connected(url) as connection:
        return await (await connection.channel()).purge_queue(queue)


async def remove_topology(url: str, topology: Topology) -> None:
    """Delete the exchanges, the streams and all queues of a topology with everything that lies in them.

    Raises:
        BrokerTrouble: the broker cannot be reached, or it refused.
    """
    async with connected(url) as connection:
        channel = await connection.channel()
        for queue in (*topology.queues, *topology.streams):
            await channel.delete_queue(queue.name)
        for exchange in (topology.exchange, topology.letters_exchange):
            await channel.delete_exchange(exchange)


async def state_of(connection: Connection, queue: str) -> QueueState | None:
    """Return how many messages and consumers a queue has; None if there is no such queue.

    Raises:
        AmqpError: the connection was lost, or the user may not look.
    """
    channel = await connection.channel()
    try:
        state = await channel.declare_queue(queue, passive=True)
    except ChannelClosed as error:
        if error.reply_code == _NOT_FOUND:
            return None
        raise
    await channel.close()
    return state
