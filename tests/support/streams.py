"""Reads a stream in tests, with the patience that one needs which has just been made."""

from __future__ import annotations

import asyncio

from leveret.amqp import AmqpError, Connection, Delivery
from leveret.letters.index.reading import read_messages
from support.serving import LIMIT


async def in_stream(url: str, stream: str, count: int) -> list[Delivery]:
    """Wait until that many messages are in a stream, and return all.

    Who reads a stream while it is made is refused (404, 406), or loses the connection (541).
    """
    async with asyncio.timeout(LIMIT):
        while True:
            connection = await Connection.open(url, name="reader")
            try:
                found = [each async for batch in read_messages(connection, stream) for each in batch]
                if len(found) >= count:
                    return found
            except AmqpError:
                await asyncio.sleep(0.05)
            finally:
                await connection.close()
