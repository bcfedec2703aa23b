"""A TCP proxy between a client and a server, to cut, to hold up, and to speak in the server's name."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from testbed.pipe import Pipe, Weather

LIMIT = 20.0
"""Seconds after which a test that waits has failed."""


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on, until told otherwise; ``async with Proxy(url)``.

    Attributes:
        connections: how many connections there have been so far.
        weather: how bytes fare: how late they come, and in what sizes.
    """

    def __init__(self, host: str, port: int) -> None:
        self.connections = 0
        self.weather = Weather()
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._port = 0
        self._to_server_flowing, self._to_client_flowing = asyncio.Event(), asyncio.Event()
        self._moved = self.weather.moved
        self._pipes: dict[asyncio.Task[None], None] = {}
        self._clients: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.StreamWriter] = []
        self.resume()

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

    @property
    def to_server(self) -> int:
        """Bytes that clients have sent so far."""
        return self.weather.sent

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._pipes)

    def proxied(self, url: str) -> str:
        """The same address by way of this proxy."""
        parts = urlsplit(url)
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.port}".lstrip("@")).geturl()

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

    async def cut(self, number: int | None = None) -> int:
        """Drop all connections, or the one of that number, the oldest being 0; new ones are taken.

        Returns:
            How many were dropped.
        """
        pipes = list(self._pipes) if number is None else list(self._pipes)[number : number + 1]
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        return len(pipes)

    def pause(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Hold all bytes back, in both directions or in one; connections stay."""
        if to_server:
            self._to_server_flowing.clear()
        if to_client:
            self._to_client_flowing.clear()

    def resume(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Pass on what was held back, and what comes."""
        if to_server:
            self._to_server_flowing.set()
        if to_client:
            self._to_client_flowing.set()

    def inject(self, data: bytes) -> None:
        """Say something to all clients in the server's name; between its frames only while the server is silent."""
        for writer in self._clients:
            writer.write(data)

    def inject_upstream(self, data: bytes, connection: int) -> None:
        """Say something to the server in a client's name, between its frames; the first connection is number 0."""
        self._servers[connection].write(data)

    async def sent(self, count: int) -> None:
        """Wait until clients have sent that many bytes in all."""
        await self._until(lambda: self.to_server >= count)

    async def held(self) -> None:
        """Wait until a pause holds something back."""
        await self._until(lambda: self.weather.held > 0)

    async def connected(self, count: int) -> None:
        """Wait until there have been that many connections in all."""
        await self._until(lambda: self.connections >= count)

    async def empty(self) -> None:
        """Wait until no connection is left."""
        await self._until(lambda: not self._pipes)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT), self._moved:
            await self._moved.wait_for(condition)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes[task] = None
        self._clients.add(writer)
        # A cut is a cancellation, and ends here: the stream's server would report it as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await self._connect(reader, writer)
        async with self._moved:
            self._clients.discard(writer)
            self._pipes.pop(task, None)
            self._moved.notify_all()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._servers.append(server_writer)
        async with self._moved:
            self.connections += 1
            self._moved.notify_all()
        there = Pipe(reader, server_writer, self.weather, self._to_server_flowing, counted=True)
        back = Pipe(server_reader, writer, self.weather, self._to_client_flowing, counted=False)
        pipes = [asyncio.create_task(pipe.run()) for pipe in (there, back)]
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
