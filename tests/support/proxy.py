"""A TCP proxy between a client and a server, to cut, to hold up, and to speak in the server's name."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self

PIECE = 65536
LIMIT = 20.0
"""Seconds after which a test that waits has failed."""


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on, until told otherwise; ``async with Proxy(url)``.

    Attributes:
        to_server: bytes that clients have sent so far.
        connections: how many connections there have been so far.
    """

    def __init__(self, host: str, port: int) -> None:
        self.to_server = self.connections = 0
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._port = 0
        self._held = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._moved = asyncio.Condition()
        self._pipes: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()

    @property
    def port(self) -> int:
        """Where it listens, the same for all its life."""
        return self._port

    async def listen(self) -> None:
        """Take connections, again after `refuse` too."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Cut what there is and take no connections any more."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.cut()

    async def cut(self) -> None:
        """Drop all connections; new ones are taken."""
        pipes = list(self._pipes)
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)

    def pause(self) -> None:
        """Hold all bytes back, in both directions; connections stay."""
        self._flowing.clear()

    def resume(self) -> None:
        """Pass on what was held back, and what comes."""
        self._flowing.set()

    def inject(self, data: bytes) -> None:
        """Say something to all clients in the server's name; between its frames only while the server is silent."""
        for writer in self._clients:
            writer.write(data)

    async def sent(self, count: int) -> None:
        """Wait until clients have sent that many bytes in all."""
        await self._until(lambda: self.to_server >= count)

    async def held(self) -> None:
        """Wait until a pause holds something back."""
        await self._until(lambda: self._held > 0)

    async def empty(self) -> None:
        """Wait until no connection is left."""
        await self._until(lambda: not self._pipes)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT), self._moved:
            await self._moved.wait_for(condition)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        self._clients.add(writer)
        # A cut is a cancellation, and ends here: the stream's server would report it as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await self._connect(reader, writer)
        async with self._moved:
            self._clients.discard(writer)
            self._pipes.discard(task)
            self._moved.notify_all()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        async with self._moved:
            self.connections += 1
            self._moved.notify_all()
        pipes = [
            asyncio.create_task(self._pipe(reader, server_writer, counted=True)),
            asyncio.create_task(self._pipe(server_reader, writer, counted=False)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)  # one side has hung up: so does the other
            writer.close()
            server_writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()
            server_writer.transport.abort()
            raise
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                if not self._flowing.is_set():
                    await self._hold()
                writer.write(data)
                if counted:
                    await self._count(len(data))
                await writer.drain()

    async def _hold(self) -> None:
        async with self._moved:
            self._held += 1
            self._moved.notify_all()
        try:
            await self._flowing.wait()
        finally:
            self._held -= 1

    async def _count(self, size: int) -> None:
        async with self._moved:
            self.to_server += size
            self._moved.notify_all()
