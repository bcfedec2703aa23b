"""What an operator does at the broker, in one call each: look at queues and letters, apply, purge, remove."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from warren.amqp import Address, AddressError, AmqpError, ChannelClosed, Connection, QueueState
from warren.dead_letters import Letter, look
from warren.errors import WarrenError
from warren.topology import Topology

_NOT_FOUND: Final = 404


class BrokerTrouble(WarrenError):
    """The broker cannot be reached, or refused; the text says why and what to do."""


class QueueReport(Struct, frozen=True):
    """One queue of a topology at this moment.

    Attributes:
        name: its name.
        purpose: what it is for.
        messages: messages that wait, without those in consumers' hands; None when there is no such queue.
        consumers: who consumes it; None when there is no such queue.
    """

    name: str
    purpose: str
    messages: int | None
    consumers: int | None


def shown_address(url: str) -> str:
    """Write a broker's address without the password.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(Address.parse(url))
    except AddressError as error:
        raise ValueError(str(error)) from error


async def report_queues(url: str, topology: Topology) -> list[QueueReport]:
    """Count what waits in each queue of a topology; nothing is declared.

    Raises:
        BrokerTrouble: there is no connection, or no permission.
    """
    async with _connected(url) as connection:
        reports = []
        for queue in topology.queues:
            state = await _state(connection, queue.name)
            counts = (state.messages, state.consumers) if state else (None, None)
            reports.append(QueueReport(queue.name, queue.purpose, *counts))
        return reports


async def apply_topology(url: str, topology: Topology) -> None:
    """Declare everything of a topology; what is there already stays as it is.

    Raises:
        BrokerTrouble: something is there with other arguments; the text says what and how to get out.
    """
    async with _connected(url) as connection:
        await topology.declare(await connection.channel())


async def purge_queue(url: str, queue: str) -> int:
    """Drop the messages that wait in a queue and return how many they were; those in workers' hands stay.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
    """
    async with _connected(url) as connection:
        return await (await connection.channel()).purge_queue(queue)


async def remove_topology(url: str, topology: Topology) -> None:
    """Delete the exchange and all queues of a topology with everything that lies in them.

    Raises:
        BrokerTrouble: the broker cannot be reached, or refused.
    """
    async with _connected(url) as connection:
        channel = await connection.channel()
        for queue in topology.queues:
            await channel.delete_queue(queue.name)
        await channel.delete_exchange(topology.exchange)


async def look_at_letters(url: str, topology: Topology, most: int) -> list[Letter]:
    """Show the oldest dead letters, oldest first, and leave them where and as they are; see `warren.dead_letters.look`.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
        ValueError: ``most`` is out of range.
    """
    async with _connected(url) as connection:
        return await look(connection, topology, most)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    try:
        connection = await Connection.open(url, name="operator")
        try:
            yield connection
        finally:
            await connection.close()
    except AmqpError as error:
        raise BrokerTrouble(str(error)) from error


async def _state(connection: Connection, queue: str) -> QueueState | None:
    channel = await connection.channel()
    try:
        state = await channel.declare_queue(queue, passive=True)
    except ChannelClosed as error:
        if error.reply_code == _NOT_FOUND:
            return None
        raise
    await channel.close()
    return state
