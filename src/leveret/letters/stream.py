"""Reading a stream: by offset, again and again, and nothing in it changes (RabbitMQ, "Streams")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from leveret.amqp import AnyChannel, AnyConnection, ChannelClosed, Delivery, FieldValue
from leveret.letters.look import LARGEST_LETTER

OFFSET: Final = "x-stream-offset"
"""The argument of a consumer that says where it begins, and the header of each delivery that says where it is."""

_PREFETCH: Final = 2_000
"""Messages under way at most; so many are in memory, and as many again that wait to be handled."""

_NOT_FOUND: Final = 404

Start = int | datetime | Literal["first", "next"]
"""Where reading begins: at an offset, at a time, at the oldest message, or behind the newest one."""


class StreamBatch(Struct, frozen=True):
    """Messages of a stream that arrived together, oldest first.

    Attributes:
        first: the offset of the first one.
        last: the offset of the last one.
        deliveries: the messages; the header ``x-stream-offset`` of each is its offset.
    """

    first: int
    last: int
    deliveries: list[Delivery]


class StreamMissing(Exception):
    """There is no such stream at the broker."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"there is no stream {stream!r}")


async def read_stream(
    connection: AnyConnection, stream: str, start: Start, *, largest_body: int = LARGEST_LETTER
) -> AsyncGenerator[StreamBatch, None]:
    """Yield the messages of a stream in batches, for ever; the caller closes the iterator.

    Args:
        connection: stays open.
        stream: its name.
        start: the first message that is wanted. If that one has been dropped already, the oldest one is the first.
        largest_body: bytes; of a larger message only the size is told.

    Raises:
        StreamMissing: there is no such stream.
        ChannelClosed: the stream was deleted, or this user may not read it.
        AmqpError: the connection was lost.
    """
    channel = await connection.channel()
    arrived: asyncio.Queue[list[Delivery]] = asyncio.Queue()
    first = start if isinstance(start, int) else 0
    try:
        await _consume(channel, stream, start, arrived, largest_body)
        while True:
            deliveries = await _arrivals(channel, arrived)
            channel.ack(deliveries[-1].delivery_tag, multiple=True)
            # A stream is delivered by chunks: the first chunk may begin before the offset that is wanted.
            found = [(offset_of(each), each) for each in deliveries]
            wanted = [pair for pair in found if pair[0] >= first]
            if wanted:
                yield StreamBatch(wanted[0][0], wanted[-1][0], [each for _, each in wanted])
    finally:
        await channel.close()


def offset_of(delivery: Delivery) -> int:
    """Return the offset of a delivery from a stream."""
    offset = (delivery.properties.headers or {}).get(OFFSET)
    if not isinstance(offset, int):
        raise TypeError("a delivery that is not from a stream has no offset")
    return offset


def _known(error: ChannelClosed, stream: str) -> Exception:
    return StreamMissing(stream) if error.reply_code == _NOT_FOUND else error.fresh()


async def _consume(
    channel: AnyChannel, stream: str, start: FieldValue, arrived: asyncio.Queue[list[Delivery]], largest: int
) -> None:
    await channel.qos(_PREFETCH)
    try:
        await channel.consume(stream, arrived.put_nowait, arguments={OFFSET: start}, largest_body=largest)
    except ChannelClosed as error:
        raise _known(error, stream) from error


async def _arrivals(channel: AnyChannel, arrived: asyncio.Queue[list[Delivery]]) -> list[Delivery]:
    """Wait for messages, and return all that have come.

    Raises:
        ChannelClosed: the stream was deleted.
    """
    if arrived.empty():
        waiting = asyncio.ensure_future(arrived.get())
        try:
            await asyncio.wait((waiting, channel.closed), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                channel.check()
            deliveries = waiting.result()
        finally:
            waiting.cancel()
    else:
        deliveries = arrived.get_nowait()
    while not arrived.empty():
        deliveries += arrived.get_nowait()
    return deliveries
