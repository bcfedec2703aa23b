"""What a connection writes: joined to one piece for each turn of the event loop, and bounded."""

from __future__ import annotations

import asyncio

WRITE_AT_ONCE = 65536
"""Bytes of joined writes that go to the transport at once; fewer go at the end of the loop's turn."""
WRITE_BUFFER = 1 << 20
"""Bytes that may wait in the transport before `Link.writable` makes callers wait."""


class Output:
    """Joins writes, and passes them to the transport.

    Args:
        transport: The transport of the socket.

    Attributes:
        room: Set while the transport's buffer is below its bound.
        sent: How often something was passed to the transport.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self.transport = transport
        self.room = asyncio.Event()
        self.room.set()
        self.sent = 0
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._size = 0
        self._due = False

    def write(self, data: bytes) -> None:
        """Keep bytes until the end of the loop's turn, or until there are many."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= WRITE_AT_ONCE:
            self.flush()
        elif not self._due:
            self._due = True
            self._loop.call_soon(self.flush)

    def hold(self) -> None:
        """Keep what is written from now on until the caller calls `flush`."""
        self._due = True

    def flush(self) -> None:
        """Pass everything that was written to the transport, in one piece."""
        self._due = False
        if self._pieces:
            self.sent += 1
            self.transport.write(b"".join(self._pieces) if len(self._pieces) > 1 else self._pieces[0])
            self._pieces.clear()
            self._size = 0
