"""Declaring a topology: what exists stays as it is, and what only helps operators never keeps a worker from working."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from leveret.amqp import AmqpError, AmqpTimeout, AnyChannel, AnyConnection, ChannelClosed, InequivalentArguments
from leveret.topology import Queue, Topology

_WAY = "x-dead-letter-exchange"
"""The argument in which the two forms of the queue of requests differ."""

_BOUNDS = ("x-max-length-bytes", "x-max-age", "x-stream-max-segment-size-bytes")
"""Arguments of a stream that may be other ones than are wanted: it is used as it is."""

_VALUE = re.compile(r"(?:the value )?'(.*?)'(?: of type '.*')?$")
"""How the broker names the value that an argument has."""

_REFUSED = 403
_NOT_FOUND = 404


class DeclaredQueues(Struct, frozen=True):
    """What requests need is at the broker.

    Attributes:
        moved: the exchange to which the broker publishes what it moves out of the queue of requests by itself.
        trouble: why what the broker moves is not copied, with what to do; empty if nothing is wrong.
    """

    moved: str
    trouble: str = ""


class DeclaredStreams(Struct, frozen=True):
    """What became of the streams.

    Attributes:
        ready: the names of those that can be used.
        troubles: what is wrong with one of them, each with what to do.
        passing: whether time alone may mend what keeps a stream from being ready.
    """

    ready: tuple[str, ...]
    troubles: tuple[str, ...]
    passing: bool = False


class Declared(Struct, frozen=True):
    """How a topology is at the broker.

    Attributes:
        moved: the exchange to which the broker publishes what it moves out of the queue of requests by itself.
        streams: the names of the streams that can be used.
        troubles: what is wrong with exchange and streams of letters, each with what to do.
    """

    moved: str
    streams: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


async def declare(connection: AnyConnection, topology: Topology) -> Declared:
    """Declare everything of a topology; a trouble with streams is told, and nothing else depends on it.

    Raises:
        InequivalentArguments: a queue or exchange of the topology exists with other arguments.
        ChannelClosed: this user may not declare something that requests need.
        AmqpError: the connection was lost.
    """
    queues = await declare_queues(connection, topology)
    troubles = (queues.trouble,) if queues.trouble else ()
    try:
        streams = await declare_streams(connection, topology)
    except AmqpError as error:
        return Declared(queues.moved, (), (*troubles, f"the streams could not be declared: {error}"))
    return Declared(queues.moved, streams.ready, (*troubles, *streams.troubles))


async def declare_queues(connection: AnyConnection, topology: Topology) -> DeclaredQueues:
    """Declare exchanges and queues, without the streams: they need a broker that is well, and requests do not.

    The exchange of letters is an addition. A user without permission for it is no reason not to work. A queue of
    requests that was made before there were streams stays as it is, too. What the broker moves out of it by itself then
    goes to the dead-letter queue directly, and is not in the stream.

    Raises:
        InequivalentArguments: a queue or exchange of the topology exists with other arguments.
        ChannelClosed: this user may not declare something that requests need.
        AmqpError: the connection was lost.
    """
    refusal = await _bind_letters(connection, topology) if topology.streams else None
    is_new = refusal is not None and refusal.reply_code == _NOT_FOUND  # it may be bound as soon as it is there
    copying = bool(topology.streams) and (refusal is None or is_new)
    moved = await _declare_either(connection, topology, topology.letters_exchange if copying else "")
    if is_new or (moved and not topology.streams):
        refusal = await _bind_letters(connection, topology)
    return DeclaredQueues(moved, _told(refusal, topology) if refusal else "")


async def declare_streams(connection: AnyConnection, topology: Topology) -> DeclaredStreams:
    """Declare each stream by itself, and let the exchange of letters route to their copies.

    A stream that is there with other bounds is used as it is.

    Raises:
        AmqpError: the connection was lost.
    """
    ready, troubles, passing = list[str](), list[str](), False
    for stream in topology.streams:
        try:
            different = await _declare_stream(connection, stream)
        except (ChannelClosed, AmqpTimeout) as error:
            troubles.append(_unusable(stream, error))
            passing = passing or isinstance(error, AmqpTimeout) or error.reply_code == _NOT_FOUND
            continue
        ready.append(stream.name)
        if different:
            troubles.append(_other_bounds(stream, different))
        if stream.name == topology.letters_stream:
            troubles += await _bind_copies(connection, topology)
    return DeclaredStreams(tuple(ready), tuple(troubles), passing)


async def _declare_stream(connection: AnyConnection, stream: Queue) -> list[str]:
    """Declare a stream, with the bounds that it has if it is there; return what differs, in the broker's words.

    Only bounds that the broker has told are declared. Without one, a stream that is deleted meanwhile would be made
    anew, and would grow for ever.

    Raises:
        InequivalentArguments: it is no stream, or one that lacks a bound.
    """
    arguments, different = dict(stream.arguments), list[str]()
    while True:
        try:
            await _on_channel(connection, lambda channel: _declare_queue(channel, stream.name, arguments))
        except InequivalentArguments as error:
            found = _VALUE.match(error.current)
            if error.argument not in _BOUNDS or found is None or len(different) == len(_BOUNDS):
                raise
            different.append(f"{error.argument} is {error.current}, wanted is {error.wanted}")
            arguments[error.argument] = _as_argument(error.argument, found[1])
        else:
            return different


def _as_argument(name: str, value: str) -> str | int:
    """Return a value that the broker has told as it is declared; RabbitMQ 4.3 tells an age in milliseconds."""
    if name == "x-max-age":
        return f"{int(value) // 1000}s" if value.isdecimal() else value
    return int(value) if value.isdecimal() else value


async def _declare_queue(channel: AnyChannel, name: str, arguments: Mapping[str, str | int]) -> None:
    await channel.declare_queue(name, durable=True, arguments={**arguments})


async def _bind_copies(connection: AnyConnection, topology: Topology) -> list[str]:
    """Let the exchange of letters route to the stream of copies; return what is wrong with that."""
    name = topology.letters_exchange

    async def bind(channel: AnyChannel) -> None:
        await channel.bind_queue(topology.letters_stream, name, topology.dead_letters)

    try:
        await _on_channel(connection, bind)
    except ChannelClosed as error:
        return [_told(error, topology)]
    return []


def _unusable(stream: Queue, error: AmqpError) -> str:
    if isinstance(error, ChannelClosed) and error.reply_code == _REFUSED:
        advice = "Give this user the permissions that the command 'topology users' shows"
    else:
        advice = (
            "See that the broker has streams (RabbitMQ 3.9 or later, feature flag stream_queue) and that all is well"
        )
    return (
        f"the stream {stream.name} ({stream.purpose}) cannot be used: {error}. {advice}. Requests and dead letters are "
        "safe without it; LETTERS_STREAM=off does without streams"
    )


def _other_bounds(stream: Queue, different: Sequence[str]) -> str:
    return (
        f"the stream {stream.name} is used as it is, with other bounds than are set: {'; '.join(different)}. To change "
        f"them, delete it (rabbitmqctl delete_queue {stream.name}; what is in it is lost, and no dead letter), and a "
        "worker makes it anew"
    )


async def _bind_letters(connection: AnyConnection, topology: Topology) -> ChannelClosed | None:
    """Let the exchange of letters route to the queue of dead letters; return why that is not possible."""

    async def bind(channel: AnyChannel) -> None:
        await channel.declare_exchange(topology.letters_exchange, "fanout", durable=True)
        await channel.bind_queue(topology.dead_letters, topology.letters_exchange, topology.dead_letters)

    try:
        await _on_channel(connection, bind)
    except ChannelClosed as error:
        return error
    return None


def _told(refusal: ChannelClosed, topology: Topology) -> str:
    return (
        f"what the broker itself moves to {topology.dead_letters} is not copied into {topology.letters_stream}: "
        f"{refusal}. Give this user the permissions that the command 'topology users' shows; LETTERS_STREAM=off does "
        "without copies"
    )


async def _declare_either(connection: AnyConnection, topology: Topology, letters: str) -> str:
    """Declare the queues in the form that is wanted, or in the other one if it is there; return its exchange."""
    refused: list[InequivalentArguments] = []
    for form in (letters, "" if letters else topology.letters_exchange):
        try:
            await _on_channel(connection, partial(topology.declare, through=form))
        except InequivalentArguments as error:
            if (error.name, error.argument) != (topology.requests, _WAY):
                raise
            refused.append(error)
        else:
            return form
    raise refused[0]


async def _on_channel(connection: AnyConnection, does: Callable[[AnyChannel], Awaitable[None]]) -> None:
    """Do something on a channel of its own, because a refusal closes the channel."""
    channel = await connection.channel()
    try:
        await does(channel)
    finally:
        await channel.close()
