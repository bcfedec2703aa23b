"""One direction of a proxied connection, and what befalls the bytes on it."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

PIECE: Final = 65536
"""Bytes that are read at once."""

WAITING: Final = 64
"""Pieces that may be on their way in a pipe."""


@dataclass(slots=True)
class Weather:
    """How bytes fare on all pipes of a proxy; it may change at any time.

    Attributes:
        latency: seconds that each piece is on its way.
        largest: bytes that are written at once, None for whatever was read.
        moved: notified when something has changed that somebody may wait for.
        sent: bytes that were written towards the server.
        held: pieces that are held back at the moment.
        late: pieces that had to wait for the latency, so far.
        split: pieces that were written in more than one, so far.
    """

    latency: float = 0.0
    largest: int | None = None
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    sent: int = 0
    held: int = 0
    late: int = 0
    split: int = 0


class Pipe:
    """Carries what comes from one side to the other; what is on its way keeps its order.

    Args:
        reader: where bytes come from.
        writer: where they go.
        weather: what befalls them.
        flowing: unless it is set, nothing gets through.
        counted: whether they go to the server.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        weather: Weather,
        flowing: asyncio.Event,
        *,
        counted: bool,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._weather = weather
        self._flowing = flowing
        self._counted = counted
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)

    async def run(self) -> None:
        """Carry bytes until one side has hung up."""
        reading = asyncio.create_task(self._read())
        try:
            with contextlib.suppress(OSError):
                while (piece := await self._pieces.get())[1]:
                    await self._arrive(*piece)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        now, weather = asyncio.get_running_loop().time, self._weather
        with contextlib.suppress(OSError):
            while data := await self._reader.read(PIECE):
                await self._pieces.put((now() + weather.latency, data))
                await self._flowing.wait()  # what is held back makes the sender wait too
        await self._pieces.put((0.0, b""))

    async def _arrive(self, due: float, data: bytes) -> None:
        weather = self._weather
        late = due - asyncio.get_running_loop().time()
        if late > 0 and weather.latency:
            weather.late += 1
            await asyncio.sleep(late)
        if not self._flowing.is_set():
            await self._hold()
        await self._write(data)

    async def _hold(self) -> None:
        weather = self._weather
        async with weather.moved:
            weather.held += 1
            weather.moved.notify_all()
        try:
            await self._flowing.wait()
        finally:
            weather.held -= 1

    async def _write(self, data: bytes) -> None:
        weather, written = self._weather, 0
        weather.split += weather.largest is not None and weather.largest < len(data)
        while written < len(data):
            end = len(data) if weather.largest is None else written + weather.largest
            self._writer.write(data[written:end])
            if self._counted:
                await self._count(min(end, len(data)) - written)
            await self._writer.drain()
            if end < len(data):
                await asyncio.sleep(0)  # the loop's next turn: what is written in one goes out in one
            written = end

    async def _count(self, size: int) -> None:
        weather = self._weather
        async with weather.moved:
            weather.sent += size
            weather.moved.notify_all()
