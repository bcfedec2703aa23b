"""Declaring a topology: what exists stays as it is, and what only helps operators never keeps a worker from working."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import Struct

from leveret.amqp import AnyChannel, AnyConnection, ChannelClosed, InequivalentArguments
from leveret.topology import Queue, Topology

_WAY = "x-dead-letter-exchange"
"""The argument in which the two forms of the queue of requests differ."""


class Declared(Struct, frozen=True):
    """How a topology is at the broker.

    Attributes:
        letters: the exchange that letters are published to; empty for the default exchange, without copies.
        trouble: why letters are not copied into the stream, with what to do; empty if they are, or are not meant to be.
        moved: the exchange to which the broker publishes what it moves out of the queue of requests by itself.
    """

    letters: str
    trouble: str
    moved: str


async def declare(connection: AnyConnection, topology: Topology) -> Declared:
    """Declare everything of a topology.

    The exchange and the streams of letters are an addition. A broker without streams, or a user without permission for
    them, is no reason not to work: letters then go to their queue directly, as they did before there were streams.
    A queue of requests that was made before there were streams stays as it is, too. What the broker moves out of it by
    itself goes to the dead-letter queue directly, and is not in the stream.

    Raises:
        InequivalentArguments: a queue or exchange of the topology exists with other arguments.
        ChannelClosed: this user may not declare something that requests need.
        AmqpError: the connection was lost.
    """
    if not topology.streams and await _is_declared_without(connection, topology):
        return Declared("", "", "")
    await _on_channel(connection, lambda channel: _declare_ground(channel, topology))
    trouble = await _declare_copies(connection, topology)
    letters = "" if trouble or not topology.streams else topology.letters_exchange
    moved = await _declare_requests(connection, topology, letters)
    return Declared(letters, trouble, moved)


async def _is_declared_without(connection: AnyConnection, topology: Topology) -> bool:
    """Declare what there was before there were streams; return false if the queue of requests was made with them."""
    try:
        await _on_channel(connection, topology.declare)
    except InequivalentArguments as error:
        if error.argument != _WAY:
            raise
        return False
    return True


async def _declare_ground(channel: AnyChannel, topology: Topology) -> None:
    await channel.declare_exchange(topology.exchange, "direct", durable=True)
    for queue in topology.queues:
        if queue.name != topology.requests:
            await _declare_queue(channel, queue)


async def _declare_copies(connection: AnyConnection, topology: Topology) -> str:
    """Declare exchange and streams of letters; return why that is not possible."""
    if not topology.streams:
        return ""
    try:
        await _on_channel(connection, lambda channel: _declare_streams(channel, topology))
    except ChannelClosed as error:
        return (
            f"dead letters are kept, but not copied into {topology.letters_stream}, "
            f"so tools see 2,000 of them at most: {error}. "
            "Give this user the permissions that the command 'topology users' shows, and see that the broker has "
            "streams (RabbitMQ 3.9 or later, feature flag stream_queue); LETTERS_STREAM=off does without them"
        )
    return ""


async def _declare_streams(channel: AnyChannel, topology: Topology) -> None:
    await channel.declare_exchange(topology.letters_exchange, "fanout", durable=True)
    await channel.bind_queue(topology.dead_letters, topology.letters_exchange, topology.dead_letters)
    for stream in topology.streams:
        await _declare_queue(channel, stream)
    await channel.bind_queue(topology.letters_stream, topology.letters_exchange, topology.dead_letters)


async def _declare_requests(connection: AnyConnection, topology: Topology, letters: str) -> str:
    """Declare the queue of requests in the form that is wanted, or find it in the other one; return its exchange."""
    refused: list[InequivalentArguments] = []
    for form in (letters, "" if letters else topology.letters_exchange):
        queue = next(queue for queue in topology.queues_through(form) if queue.name == topology.requests)
        try:
            await _on_channel(connection, partial(_declare_bound, queue=queue, topology=topology))
        except InequivalentArguments as error:
            refused.append(error)
        else:
            return form
    others = [error for error in refused if error.argument != _WAY]
    raise [*others, *refused][0]


async def _declare_bound(channel: AnyChannel, *, queue: Queue, topology: Topology) -> None:
    await _declare_queue(channel, queue)
    await channel.bind_queue(queue.name, topology.exchange, topology.requests)


async def _declare_queue(channel: AnyChannel, queue: Queue) -> None:
    await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))


async def _on_channel(connection: AnyConnection, does: Callable[[AnyChannel], Awaitable[None]]) -> None:
    """Do something on a channel of its own, because a refusal closes the channel."""
    channel = await connection.channel()
    try:
        await does(channel)
    finally:
        await channel.close()
