"""Reads the stream of letters into the index, from where the index ends to the end of the stream.

A stream is read like a queue by its consumer, but stays as it is (RabbitMQ, "Streams"). It does not tell where it ends:
its newest part can be asked for, and what comes behind the end comes when it is written. A channel's process at the
broker sends what its consumer may have before it answers the next question, so a question tells when that was all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from leveret.amqp import AmqpTimeout, Channel, ChannelClosed, Connection, Delivery
from leveret.letters.index.entries import Entry
from leveret.letters.index.feeding import Event
from leveret.letters.index.index import LetterIndex
from leveret.letters.key import LARGEST_KNOWN
from leveret.letters.stream import OFFSET, offset_of

_PREFETCH: Final = 2_000
_MOST_WAITING: Final = 20_000
_MOST_BYTES: Final = 32 * 1024 * 1024
"""Messages and bytes that are written in one transaction, if as many wait."""

_STALLED: Final = 20.0
"""Seconds to wait for what is known to be in the stream."""

_PATIENCE: Final = 2.0
"""Seconds to wait for the last message that was read before, which comes first."""

_NOT_FOUND: Final = 404


class ReadProgress(Struct, frozen=True):
    """How far the reading of the stream is.

    Attributes:
        read: messages read so far.
        offset: where it is.
        end: the newest offset of the stream; None until it is known.
    """

    read: int
    offset: int
    end: int | None


Tell = Callable[[ReadProgress], None]
OnDeliveries = Callable[[list[Delivery]], None]


async def catch_up(
    connection: Connection, stream: str, index: LetterIndex, *, tell: Tell | None = None, patience: float = 0.3
) -> int | None:
    """Read what has come into the stream since the index was fed; other threads may not use the index meanwhile.

    An index whose last message is another one in this stream belongs to a stream that was deleted, and is made anew.

    Args:
        connection: stays open.
        stream: its name.
        index: is fed in batches; what was fed stays when the reading is cancelled or breaks off.
        tell: called after each batch.
        patience: seconds to wait for the first message of a stream that may be empty.

    Returns:
        How many messages were read; None where there is no such stream.

    Raises:
        AmqpError: the connection was lost, nothing comes any more, or there is no permission.
    """
    try:
        begin = index.next_offset
        async with _opened(connection, stream, begin, max(patience, _PATIENCE if begin else 0)) as source:
            return await _feed(source, index, tell)
    except _AnotherStream:
        index.rebuild()
        return await catch_up(connection, stream, index, tell=tell, patience=patience)
    except ChannelClosed as error:
        if error.reply_code == _NOT_FOUND:
            return None
        raise


async def read_messages(
    connection: Connection, stream: str, patience: float = _PATIENCE
) -> AsyncIterator[list[Delivery]]:
    """Read all messages of the stream from its beginning, and leave them there.

    Args:
        connection: stays open.
        stream: its name.
        patience: seconds to wait for the first message.

    Raises:
        AmqpError: there is no such stream, no permission, or the connection was lost.
    """
    async with _opened(connection, stream, 0, patience) as source:
        while batch := await source.take():
            yield [delivery for _, delivery in batch]


class _AnotherStream(Exception):
    """The stream is not the one of which the index was made."""


async def _feed(source: _Source, index: LetterIndex, tell: Tell | None) -> int:
    writer = _Writer(index)
    read = 0
    try:
        while batch := await source.take():
            if not read:
                batch = _fresh(batch, source, index)
            read += len(batch)
            behind = source.end is None or source.end - source.offset > _MOST_WAITING
            await writer.put(await asyncio.to_thread(index.events, batch), hurry=not behind)
            if tell and batch:
                tell(ReadProgress(read, source.offset, source.end))
    finally:
        await writer.finish()
    if source.offset < 0 and source.end is not None and source.end < index.next_offset - 1:
        raise _AnotherStream
    return read


def _fresh(batch: list[tuple[int, Delivery]], source: _Source, index: LetterIndex) -> list[tuple[int, Delivery]]:
    """Leave out the last message that was read before, after a check that it is the same."""
    if index.next_offset == 0 or batch[0][0] != source.begin:
        return batch
    if not index.is_last(*batch[0]):
        raise _AnotherStream
    return batch[1:]


class _Writer:
    """Writes in a thread of its own what was read, in larger batches while there is much."""

    def __init__(self, index: LetterIndex) -> None:
        self._index = index
        self._events: list[Event] = []
        self._writing: asyncio.Future[int] | None = None

    async def put(self, events: list[Event], *, hurry: bool) -> None:
        """Take events; waits while there are too many."""
        self._events += events
        full = len(self._events) >= _MOST_WAITING or sum(map(_size, self._events)) >= _MOST_BYTES
        if full and self._writing:
            await self._writing
        if (full or hurry) and (self._writing is None or self._writing.done()):
            self._write()

    async def finish(self) -> None:
        """Write what is left, and wait until everything is written."""
        if self._writing:
            await asyncio.shield(self._writing)
        self._write()
        if self._writing:
            await asyncio.shield(self._writing)

    def _write(self) -> None:
        if self._writing:
            self._writing.result()
        events, self._events = self._events, []
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._index.feed, events)) if events else None


@asynccontextmanager
async def _opened(connection: Connection, stream: str, begin: int, patience: float) -> AsyncIterator[_Source]:
    newest, channel = await connection.channel(), await connection.channel()
    try:
        await newest.declare_queue(stream, passive=True)
        source = _Source(newest, channel, max(begin - 1, 0), patience)
        await _consume(newest, stream, source.on_newest, "last")
        await _consume(channel, stream, source.on_deliveries, source.begin)
        yield source
    finally:
        await newest.close()
        await channel.close()


async def _consume(channel: Channel, stream: str, on_deliveries: OnDeliveries, begin: int | str) -> None:
    await channel.qos(_PREFETCH)
    await channel.consume(stream, on_deliveries, arguments={OFFSET: begin}, largest_body=LARGEST_KNOWN)


class _Source:
    """What has come of the stream, and whether that is all.

    Attributes:
        begin: the offset that was asked for.
        offset: the newest offset that was taken; -1 before the first one.
        end: the newest offset that was seen; None before the first one.
    """

    def __init__(self, newest: Channel, channel: Channel, begin: int, patience: float) -> None:
        self.begin = begin
        self.offset = -1
        self.end: int | None = None
        self._newest = newest
        self._channel = channel
        self._patience = patience
        self._waiting: list[Delivery] = []
        self._came = asyncio.Event()

    def on_deliveries(self, deliveries: list[Delivery]) -> None:
        """Take messages from where the reading began; the broker waits until they are taken from here."""
        self._waiting += deliveries
        self._came.set()

    def on_newest(self, deliveries: list[Delivery]) -> None:
        """Take messages of the newest part, only to know where the stream ends."""
        self.end = max(self.end or 0, offset_of(deliveries[-1]))
        self._newest.ack(deliveries[-1].delivery_tag, multiple=True)
        self._came.set()

    async def take(self) -> list[tuple[int, Delivery]]:
        """Return what has come, as soon as something has; nothing at the end of the stream.

        Raises:
            AmqpTimeout: the stream goes on, but nothing comes.
        """
        while not self._waiting:
            if self.end is not None and self.offset >= self.end:
                if await self._is_all():
                    return []
                continue
            self._came.clear()
            may_end, seconds = self._wait()
            try:
                async with asyncio.timeout(seconds):
                    await self._came.wait()
            except TimeoutError:
                self._channel.check()
                if may_end:
                    return []
                raise AmqpTimeout("the next message of a stream that goes on", seconds) from None
        taken, self._waiting = self._waiting, []
        self._channel.ack(taken[-1].delivery_tag, multiple=True)
        self.offset = offset_of(taken[-1])
        return [(offset_of(delivery), delivery) for delivery in taken]

    async def _is_all(self) -> bool:
        """Whether nothing more has come of the stream's newest part when the broker answers a question."""
        end = self.end
        await self._newest.qos(_PREFETCH)
        return self.end == end and not self._waiting

    def _wait(self) -> tuple[bool, float]:
        """Return whether this may be the end of the stream, and how many seconds of silence it takes to be."""
        if self.offset < 0 and (self.end is None or self.end < self.begin):  # it is empty, or another one
            return True, self._patience
        return False, _STALLED


def _size(event: Event) -> int:
    return event[1].size if isinstance(event[1], Entry) else 0
