"""Finds out by trying what a user may do at the broker; nothing is made, taken or changed.

A worker's way of doing it would declare queues and take messages. So what is tried here is what the broker checks the
permission of first, and then does not do (RabbitMQ, "Access Control"; its source, ``rabbit_channel``):

- *configure*: declare what exists already, as it is; the broker compares, and nothing else.
- *write* to an exchange: publish a message that no queue takes, which the broker drops; to a fanout exchange, which has
  no such messages, one whose properties are refused.
- *write* to a queue, *read* of an exchange: remove a binding that does not exist.
- *read* of a queue: consume with an argument of a wrong type, which is refused after the permission was checked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Literal

from msgspec import Struct

from leveret.amqp import AmqpTimeout, Channel, ChannelClosed, Connection, Delivery
from leveret.broker.alarms import NOWHERE
from leveret.topology import Topology
from leveret.wire.messages import trial_message

_REFUSED: Final = 403
_NOT_FOUND: Final = 404
_NO_PRIORITY: Final = "a text instead of a number"
"""The value of an argument that has to be a number."""

Act = Callable[[Channel], Awaitable[object]]
Try = tuple[Literal["configure", "write", "read"], str, Act]


class Right(Struct, frozen=True):
    """What a user may do, or not.

    Attributes:
        kind: the kind of the permission.
        name: the exchange or the queue; ``amq.default`` is the default exchange.
        allowed: whether the user may; None where that could not be found out.
        optional: it is needed for copies of letters and reports of workers only.
    """

    kind: Literal["configure", "write", "read"]
    name: str
    allowed: bool | None
    optional: bool = False


async def try_rights(connection: Connection, topology: Topology) -> list[Right]:
    """Return what the user of a connection may do, of what a worker needs.

    Raises:
        AmqpError: the connection was lost.
    """
    needed = [Right(kind, name, await _allowed(connection, name, act)) for kind, name, act in _tries(topology)]
    if not topology.streams:
        return needed
    return needed + [
        Right(kind, name, await _allowed(connection, name, act), optional=True)
        for kind, name, act in _more_tries(topology)
    ]


def _tries(topology: Topology) -> Iterator[Try]:
    yield "configure", topology.exchange, _declare_exchange(topology.exchange, "direct")
    for queue in topology.queues:
        yield "configure", queue.name, _declare_queue(queue.name, dict(queue.arguments))
    yield "write", "amq.default", _publish("")
    yield "write", topology.exchange, _publish(topology.exchange)
    yield "write", topology.requests, _unbind(topology.requests, topology.exchange)
    yield "read", topology.requests, _consume(topology.requests)


def _more_tries(topology: Topology) -> Iterator[Try]:
    letters = topology.letters_exchange
    yield "configure", letters, _declare_exchange(letters, "fanout")
    for stream in topology.streams:
        yield "configure", stream.name, _declare_queue(stream.name, dict(stream.arguments))
    yield "write", letters, _publish_refused(letters)
    yield "read", letters, _unbind(topology.requests, letters)
    yield "write", topology.dead_letters, _unbind(topology.dead_letters, topology.exchange)
    yield "write", topology.letters_stream, _unbind(topology.letters_stream, topology.exchange)


async def _allowed(connection: Connection, name: str, act: Act) -> bool | None:
    """Return whether something is allowed; None if another name than this one is refused, or there is no such thing."""
    channel = await connection.channel(confirms=True)
    try:
        await act(channel)
    except ChannelClosed as error:
        if error.reply_code == _REFUSED:
            return False if f"'{name}'" in error.text else None
        return None if error.reply_code == _NOT_FOUND else True
    except AmqpTimeout:
        return None
    await channel.close()
    return True


def _declare_exchange(name: str, kind: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.declare_exchange(name, kind, passive=True)
        await channel.declare_exchange(name, kind)

    return act


def _declare_queue(name: str, arguments: dict[str, str | int]) -> Act:
    async def act(channel: Channel) -> None:
        await channel.declare_queue(name, passive=True)
        await channel.declare_queue(name, arguments={**arguments})

    return act


def _publish(exchange: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.publish(trial_message(NOWHERE, exchange))

    return act


def _publish_refused(exchange: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.publish(trial_message(NOWHERE, exchange, invalid=True))

    return act


def _unbind(queue: str, exchange: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.unbind_queue(queue, exchange, NOWHERE)

    return act


def _consume(queue: str) -> Act:
    async def act(channel: Channel) -> None:
        await channel.consume(queue, _ignore, arguments={"x-priority": _NO_PRIORITY})

    return act


def _ignore(_deliveries: list[Delivery]) -> None:
    """Take nothing: no delivery ever comes."""
