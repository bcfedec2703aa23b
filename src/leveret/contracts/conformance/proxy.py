"""A TCP proxy in front of the broker that can cut the connections of a client program."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

from leveret.amqp import Addresses
from leveret.errors import SettingsError

_CHUNK: Final = 64 * 1024


class CuttingProxy:
    """Passes bytes on between a free port of 127.0.0.1 and a broker, until it cuts the connections.

    Args:
        url: the broker's address; of several any one.

    Raises:
        SettingsError: the address is one with TLS, whose certificate would not fit 127.0.0.1.
    """

    def __init__(self, url: str) -> None:
        self._target = Addresses.of(url).in_turn()[0]
        if self._target.tls:
            raise SettingsError([f"{self._target}: a client program is tried without TLS; name an amqp:// address"])
        self._login = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def url(self) -> str:
        """The broker's address through this proxy."""
        port = self._server.sockets[0].getsockname()[1] if self._server is not None else 0
        login = self._login.netloc.rpartition("@")[0]
        # An address that ends with / names the vhost of the empty name (RabbitMQ, "URI Specification").
        path = self._login.path if self._target.vhost != "/" else ""
        return self._login._replace(netloc=f"{login}@127.0.0.1:{port}".lstrip("@"), path=path, query="").geturl()

    def cut(self) -> None:
        """Drop all connections at once; new ones are accepted."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            there_reader, there_writer = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there_writer}
        self._open |= ends
        try:
            await asyncio.gather(_pass_on(reader, there_writer), _pass_on(there_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()
                with suppress(OSError):
                    await end.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends, then end the other side."""
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
