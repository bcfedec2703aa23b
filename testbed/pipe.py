"""One direction of a connection through the proxy, and the conditions under which it passes bytes on."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

PIECE: Final = 65536
"""Bytes that are read at once."""

WAITING: Final = 64
"""Pieces that a pipe may hold at a time."""


@dataclass(slots=True)
class Conditions:
    """The conditions on all pipes of a proxy, which may change at any time, and counts of what happened.

    Attributes:
        latency: seconds that each piece is delayed.
        largest: bytes that are written at once, at most; None for no limit.
        changed: notified when something has changed that a test may wait for.
        sent: bytes that were written to the server so far.
        held: pieces that are held back now.
        late: pieces that were delayed by the latency so far.
        split: pieces that were written in several parts so far.
    """

    latency: float = 0.0
    largest: int | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    sent: int = 0
    held: int = 0
    late: int = 0
    split: int = 0


class Pipe:
    """Passes bytes on from one side to the other, in their order.

    Args:
        reader: the stream that bytes are read from.
        writer: the stream that bytes are written to.
        conditions: delay and size of what is written, and the counts.
        flowing: while it is not set, nothing is passed on.
        counted: whether the bytes are counted, because they go to the server.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        conditions: Conditions,
        flowing: asyncio.Event,
        *,
        counted: bool,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._weather = conditions
        self._flowing = flowing
        self._counted = counted
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)

    async def run(self) -> None:
        """Pass bytes on until one side has closed the connection."""
        reading = asyncio.create_task(self._read())
        try:
            with contextlib.suppress(OSError):
                while (piece := await self._pieces.get())[1]:
                    await self._arrive(*piece)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        now, conditions = asyncio.get_running_loop().time, self._weather
        with contextlib.suppress(OSError):
            while data := await self._reader.read(PIECE):
                await self._pieces.put((now() + conditions.latency, data))
                await self._flowing.wait()  # while bytes are held back, the sender has to wait too
        await self._pieces.put((0.0, b""))

    async def _arrive(self, due: float, data: bytes) -> None:
        conditions = self._weather
        late = due - asyncio.get_running_loop().time()
        if late > 0 and conditions.latency:
            conditions.late += 1
            await asyncio.sleep(late)
        if not self._flowing.is_set():
            await self._hold()
        await self._write(data)

    async def _hold(self) -> None:
        conditions = self._weather
        async with conditions.changed:
            conditions.held += 1
            conditions.changed.notify_all()
        try:
            await self._flowing.wait()
        finally:
            conditions.held -= 1

    async def _write(self, data: bytes) -> None:
        conditions, written = self._weather, 0
        conditions.split += conditions.largest is not None and conditions.largest < len(data)
        while written < len(data):
            end = len(data) if conditions.largest is None else written + conditions.largest
            self._writer.write(data[written:end])
            if self._counted:
                await self._count(min(end, len(data)) - written)
            await self._writer.drain()
            if end < len(data):
                await asyncio.sleep(0)  # all writes of one turn of the loop would be sent together
            written = end

    async def _count(self, size: int) -> None:
        conditions = self._weather
        async with conditions.changed:
            conditions.sent += size
            conditions.changed.notify_all()
