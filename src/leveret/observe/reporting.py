"""How worker processes report to the process that has started them: lines of JSON over a loopback connection.

This works on every system. The parent listens on a free port of 127.0.0.1. Each child reads on its standard input, from
its parent only, where to connect and a secret, without which the parent takes no report.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from leveret.observe.reports import ProcessReport, Reports

logger: Final = logging.getLogger("leveret.reports")

_LOCAL: Final = "127.0.0.1"
_LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a line at the most."""
_CONNECTED_WITHIN: Final = 10.0
_MOST_UNSENT: Final = 1024 * 1024
"""Bytes of reports that may wait; further reports are left out, as each repeats all that came before."""


@asynccontextmanager
async def receiving(reports: Reports) -> AsyncIterator[bytes]:
    """Take the reports of child processes while the block runs.

    Yields:
        What each child has to read on its input: a line, for ``read_line``.

    Raises:
        OSError: no port is free.
    """
    secret = secrets.token_hex(32)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _take(reader, reports, secret)
        except (OSError, ValueError, TimeoutError, msgspec.MsgspecError) as error:
            logger.debug("a process reports no more: %s", error)
        finally:
            writer.close()

    server = await asyncio.start_server(take, _LOCAL, 0, limit=_LONGEST)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"{port} {secret}\n".encode()


async def _take(reader: asyncio.StreamReader, reports: Reports, secret: str) -> None:
    async with asyncio.timeout(_CONNECTED_WITHIN):
        shown = await reader.readline()
    if not hmac.compare_digest(shown.strip(), secret.encode()):
        return
    process, decode = object(), msgspec.json.Decoder(ProcessReport).decode
    try:
        while (line := await reader.readline()).endswith(b"\n"):
            reports.put(process, decode(line))
    finally:
        reports.end(process)


@asynccontextmanager
async def connected(invitation: str) -> AsyncIterator[Callable[[ProcessReport], None]]:
    """Open a connection to the parent while the block runs; yield the function that reports.

    It never raises: without a connection, nothing is reported.

    Args:
        invitation: the line from the parent.
    """
    port, _, secret = invitation.partition(" ")
    try:
        _, writer = await asyncio.open_connection(_LOCAL, int(port))
    except (OSError, ValueError) as error:
        logger.warning("metrics of this process are not reported: %s", error)
        yield lambda _: None
        return
    encode = msgspec.json.Encoder().encode

    def tell(report: ProcessReport) -> None:
        if not writer.is_closing() and writer.transport.get_write_buffer_size() < _MOST_UNSENT:
            writer.write(encode(report) + b"\n")

    writer.write(f"{secret}\n".encode())
    try:
        yield tell
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
