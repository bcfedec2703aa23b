"""A proxy in front of PostgreSQL that cuts connections at a COMMIT: before the server gets it, or after it is done."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Literal, Self

from testbed.proxy import through_port

When = Literal["before", "after"]

COMMIT: Final = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""Bytes of the query COMMIT (PostgreSQL, "Message Formats"): its type, its length and its text."""

COMMITTED: Final = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""Beginning of the server's answer after a commit; if the transaction had failed, the answer is ROLLBACK."""

PIECE: Final = 65536
"""Bytes that are read at once."""


class CommitCutter:
    """Listens on a free port of 127.0.0.1, and passes everything on except the commits that it is told to cut.

    Args:
        host: host of the server.
        port: port of the server.
        on_cut: called at each cut.

    Attributes:
        cuts: how many connections were cut before and after their commit.
        failed: how many commits should have been cut after they were done, but failed at the server.
    """

    def __init__(self, host: str, port: int, on_cut: Callable[[], object] = lambda: None) -> None:
        self.cuts: dict[When, int] = {"before": 0, "after": 0}
        self.failed = 0
        self.port = 0
        self._target = host, port
        self._on_cut = on_cut
        self._wanted: deque[When] = deque()
        self._spent = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def total(self) -> int:
        """Number of connections that were cut."""
        return sum(self.cuts.values())

    def proxied(self, url: str) -> str:
        """Return an address that leads to the same database through this proxy."""
        return through_port(url, self.port)

    async def cut(self, whens: Sequence[When], limit: float) -> None:
        """Cut the next commits, on any connections; commits that come after the limit are passed on.

        Args:
            whens: for each commit, whether to cut before or after it.
            limit: seconds to wait for the commits.
        """
        self._wanted = deque(whens)
        self._spent.clear()
        if self._wanted:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._spent.wait(), limit)
        self._wanted.clear()

    def _count(self, when: When) -> None:
        self.cuts[when] += 1
        self._on_cut()

    def _next(self) -> When:
        when = self._wanted.popleft()
        if not self._wanted:
            self._spent.set()
        return when

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(reader, writer, server_reader, server_writer)
        ways = [asyncio.create_task(way) for way in (self._to_server(line), self._to_client(line))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)  # a reset of either side is not an error here
            writer.transport.abort()
            server_writer.transport.abort()

    async def _to_server(self, line: _Line) -> None:
        while data := await line.client_reader.read(PIECE):
            # A client waits for the answer to its COMMIT, so that nothing follows in the same piece.
            if self._wanted and data.endswith(COMMIT):
                if self._next() == "before":
                    self._count("before")
                    return
                line.cut_after = True
            line.server_writer.write(data)
            await line.server_writer.drain()

    async def _to_client(self, line: _Line) -> None:
        while data := await line.server_reader.read(PIECE):
            if line.cut_after:
                if data.startswith(COMMITTED):
                    self._count("after")
                else:
                    self.failed += 1
                return
            line.client_writer.write(data)
            await line.client_writer.drain()


class _Line:
    """One connection through the proxy."""

    def __init__(
        self,
        client_reader: asyncio.StreamReader,
        client_writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self.client_reader, self.client_writer = client_reader, client_writer
        self.server_reader, self.server_writer = server_reader, server_writer
        self.cut_after = False
