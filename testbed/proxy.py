"""A TCP proxy between clients and a server that can cut connections, hold bytes back, and send bytes of its own."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from testbed.pipe import Conditions, Pipe

LIMIT = 20.0
"""Seconds after which a test that waits has failed."""


def through_port(url: str, port: int) -> str:
    """Return an address with the same login and path at a port of 127.0.0.1."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@127.0.0.1:{port}".lstrip("@")).geturl()


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on, unless it is told otherwise.

    It listens while an ``async with`` block runs.

    Attributes:
        connections: how many connections there have been so far.
        conditions: delay and size of what is passed on.
    """

    def __init__(self, host: str, port: int) -> None:
        self.connections = 0
        self.conditions = Conditions()
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._port = 0
        self._to_server_flowing, self._to_client_flowing = asyncio.Event(), asyncio.Event()
        self._changed = self.conditions.changed
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
        """The port on which it listens, which never changes."""
        return self._port

    @property
    def to_server(self) -> int:
        """Bytes that clients have sent so far."""
        return self.conditions.sent

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._pipes)

    def proxied(self, url: str) -> str:
        """Return an address that leads to the same server through this proxy."""
        return through_port(url, self.port)

    async def listen(self) -> None:
        """Accept connections; also again after `refuse`."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Cut all connections, and accept no more."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.cut()

    async def cut(self, number: int | None = None) -> int:
        """Drop all connections, or only the one with a number, where 0 is the oldest; new ones are accepted.

        Returns:
            How many connections were dropped.
        """
        pipes = list(self._pipes) if number is None else list(self._pipes)[number : number + 1]
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        return len(pipes)

    def pause(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Hold all bytes back, in both directions or in one; connections stay open."""
        if to_server:
            self._to_server_flowing.clear()
        if to_client:
            self._to_client_flowing.clear()

    def resume(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Pass on the bytes that were held back, and all further ones."""
        if to_server:
            self._to_server_flowing.set()
        if to_client:
            self._to_client_flowing.set()

    def inject(self, data: bytes) -> None:
        """Send bytes to all clients as if the server had sent them; only while the server itself sends nothing."""
        for writer in self._clients:
            writer.write(data)

    def inject_upstream(self, data: bytes, connection: int) -> None:
        """Send bytes to the server as if a client had sent them, between its frames; 0 is the first connection."""
        self._servers[connection].write(data)

    async def sent(self, count: int) -> None:
        """Wait until clients have sent ``count`` bytes in total."""
        await self._until(lambda: self.to_server >= count)

    async def held(self) -> None:
        """Wait until a pause holds bytes back."""
        await self._until(lambda: self.conditions.held > 0)

    async def connected(self, count: int) -> None:
        """Wait until there have been ``count`` connections in total."""
        await self._until(lambda: self.connections >= count)

    async def empty(self) -> None:
        """Wait until no connection is left."""
        await self._until(lambda: not self._pipes)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT), self._changed:
            await self._changed.wait_for(condition)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes[task] = None
        self._clients.add(writer)
        # A cut cancels this task; the stream's server would report the cancellation as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await self._connect(reader, writer)
        async with self._changed:
            self._clients.discard(writer)
            self._pipes.pop(task, None)
            self._changed.notify_all()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._servers.append(server_writer)
        async with self._changed:
            self.connections += 1
            self._changed.notify_all()
        there = Pipe(reader, server_writer, self.conditions, self._to_server_flowing, counted=True)
        back = Pipe(server_reader, writer, self.conditions, self._to_client_flowing, counted=False)
        pipes = [asyncio.create_task(pipe.run()) for pipe in (there, back)]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)  # one side has closed: close the other
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
