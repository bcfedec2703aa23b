"""A reverse proxy as a site has one in front of a console: it speaks TLS, and tells the caller's address."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Iterator

LIMIT = 20.0
"""Seconds after which the proxy gives up."""


@contextlib.contextmanager
def tls_proxy(port: int, context: ssl.SSLContext, seen: str) -> Iterator[int]:
    """Pass requests on to a port of this machine while the block runs, and yield the proxy's own port.

    Args:
        port: where requests go.
        context: the proxy's certificate and key.
        seen: the caller's address, as the proxy tells it behind what the caller has written.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = _serving(port, context, seen)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(LIMIT)
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(LIMIT)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LIMIT)
        loop.close()


@contextlib.asynccontextmanager
async def _serving(port: int, context: ssl.SSLContext, seen: str) -> AsyncIterator[int]:
    passing: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passing.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _pass_on(port, reader, writer, seen)
        passing.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(passing):
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def _pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: str) -> None:
    """Pass one request on; its connection ends with the answer, so that each request gets its header."""
    head = await reader.readuntil(b"\r\n\r\n")
    to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
    to_writer.write(
        head[:-2] + f"X-Forwarded-For: {seen}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n".encode()
    )
    sending = asyncio.create_task(_copy(reader, to_writer))
    try:
        await _copy(to_reader, writer)
    finally:
        sending.cancel()
        for each in (writer, to_writer):
            each.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while some := await source.read(65536):
        target.write(some)
        await target.drain()
