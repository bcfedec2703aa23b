"""Finds out by trying what a user may do at the broker; nothing is made, taken or changed.

A worker's way of doing it would declare queues and take messages. So what is tried here is what the broker checks the
permission of first, and then does not do (RabbitMQ, "Access Control"; its source, ``rabbit_channel``):

- *configure*: declare what exists already, as it is; the broker compares, and nothing else.
- *write* to an exchange: publish a message that no queue takes, which the broker drops.
- *write* to a queue, *read* of an exchange: remove a binding that does not exist.
- *read* of a queue: consume with an argument of a wrong type, which is refused after the permission was checked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Literal

from msgspec import Struct

from leveret.amqp import AmqpTimeout, Channel, ChannelClosed, Connection, Delivery, Message
from leveret.broker.alarms import NOWHERE
from leveret.topology import Topology

_REFUSED: Final = 403
_NOT_FOUND: Final = 404
_NO_PRIORITY: Final = "a text instead of a number"
"""The value of an argument that has to be a number."""

Act = Callable[[Channel], Awaitable[object]]


class Right(Struct, frozen=True):
    """What a user may do, or not.

    Attributes:
        kind: the kind of the permission.
        name: the exchange or the queue; ``amq.default`` is the default exchange.
        allowed: whether the user may; None where that could not be found out.
    """

    kind: Literal["configure", "write", "read"]
    name: str
    allowed: bool | None


async def try_rights(connection: Connection, topology: Topology) -> list[Right]:
    """Return what the user of a connection may do, of what a worker needs.

    Raises:
        AmqpError: the connection was lost.
    """
    return [Right(kind, name, await _allowed(connection, act)) for kind, name, act in _tries(topology)]


def _tries(topology: Topology) -> Iterator[tuple[Literal["configure", "write", "read"], str, Act]]:
    yield "configure", topology.exchange, _declare_exchange(topology.exchange)
    for queue in topology.queues:
        yield "configure", queue.name, _declare_queue(queue.name, dict(queue.arguments))
    yield "write", "amq.default", _publish("")
    yield "write", topology.exchange, _publish(topology.exchange)
    yield "write", topology.requests, _unbind(topology)
    yield "read", topology.requests, _consume(topology.requests)


async def _allowed(connection: Connection, act: Act) -> bool | None:
    channel = await connection.channel(confirms=True)
    try:
        await act(channel)
    except ChannelClosed as error:
        return {_REFUSED: False, _NOT_FOUND: None}.get(error.reply_code, True)
    except AmqpTimeout:
        return None
    await channel.close()
    return True


def _declare_exchange(name: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.declare_exchange(name, "direct", passive=True)
        await channel.declare_exchange(name, "direct")

    return act


def _declare_queue(name: str, arguments: dict[str, str | int]) -> Act:
    async def act(channel: Channel) -> None:
        await channel.declare_queue(name, passive=True)
        await channel.declare_queue(name, arguments={**arguments})

    return act


def _publish(exchange: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.publish(Message(b"", NOWHERE, exchange=exchange))

    return act


def _unbind(topology: Topology) -> Act:
    async def act(channel: Channel) -> None:
        await channel.unbind_queue(topology.requests, topology.exchange, NOWHERE)

    return act


def _consume(queue: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.consume(queue, _ignore, arguments={"x-priority": _NO_PRIORITY})

    return act


def _ignore(_deliveries: list[Delivery]) -> None:
    """Take nothing: no delivery ever comes."""
