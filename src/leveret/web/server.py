"""A uvicorn server that says where it listens, and that an event ends; signals are somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn


class WebServer(uvicorn.Server):
    """A server that says when it listens.

    Args:
        config: its configuration.
        on_listening: called with its address, such as ``http://127.0.0.1:8080/``.
        signals: whether SIGINT and SIGTERM end it.
        name: the host in that address; None for the one at which it listens.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_listening: Callable[[str], None],
        *,
        signals: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._signals = signals
        self._name = name

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server during the block, if it is told so."""
        with super().capture_signals() if self._signals else contextlib.nullcontext():
            yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            host = self._name or host
            scheme = "https" if self.config.is_ssl else "http"
            self._on_listening(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")


async def serve_until(stop: asyncio.Event, server: WebServer, listening: socket.socket) -> None:
    """Serve until an event is set; requests that run then are finished within the server's limit.

    Args:
        stop: ends it.
        server: the server.
        listening: is bound to an address, and closed at the end.
    """
    serving, stopping = asyncio.create_task(server.serve([listening])), asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.handle_exit(signal.SIGTERM, None)  # pages that are live learn of the end from it
    await serving


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket.

    Args:
        host: address or name of this machine.
        port: 0 for one that is free.

    Raises:
        OSError: it cannot be bound: the port is in use, for example.
    """
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
