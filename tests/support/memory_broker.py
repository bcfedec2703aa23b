"""A broker without a socket: it answers what the driver writes in the next turn of the loop, always in the same way.

Neither the clock nor the network has an influence, so that the work of driver and client can be counted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pamqp import base, body, commands, frame, header

from leveret.amqp import Address
from leveret.amqp.link import Link

Sent = tuple[commands.Basic.Properties, bytes]
ANSWERS: dict[type, Callable[[Any], base.Frame | None]] = {
    commands.Connection.StartOk: lambda _: commands.Connection.Tune(10, 131072, 0),
    commands.Connection.TuneOk: lambda _: None,
    commands.Connection.Open: lambda _: commands.Connection.OpenOk(),
    commands.Connection.Close: lambda _: commands.Connection.CloseOk(),
    commands.Channel.Open: lambda _: commands.Channel.OpenOk(),
    commands.Confirm.Select: lambda _: commands.Confirm.SelectOk(),
    commands.Basic.Consume: lambda call: commands.Basic.ConsumeOk(call.consumer_tag),
}


def delivery(tag: int, properties: commands.Basic.Properties, content: bytes) -> bytes:
    """Return the frames of a message to the first consumer of channel 1, as the broker sends them."""
    method = commands.Basic.Deliver("c1.1", tag, exchange="", routing_key="k")
    parts = method, header.ContentHeader(0, len(content), properties), body.ContentBody(content)
    return b"".join(frame.marshal(part, 1) for part in parts)


class MemoryBroker(asyncio.Transport):
    """The transport of a link; `echo` returns the replies to the messages of one write."""

    def __init__(self, link: Link, echo: Callable[[list[Sent]], bytes]) -> None:
        super().__init__()
        self.link, self._echo = link, echo
        self._loop = asyncio.get_running_loop()
        self._published = 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing, because there is always room."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._loop.call_soon(self._answer, bytes(data))

    def close(self) -> None:
        self._loop.call_soon(self.link.connection_lost, None)

    abort = close

    def _answer(self, data: bytes) -> None:
        if data.startswith(b"AMQP"):
            self.link.data_received(frame.marshal(commands.Connection.Start(), 0))
            return
        answers, messages = b"", list[Sent]()
        properties = commands.Basic.Properties()
        while data:
            size, channel, part = frame.unmarshal(data)
            data = data[size:]
            if isinstance(part, header.ContentHeader):
                properties = part.properties
            elif isinstance(part, body.ContentBody):
                messages.append((properties, part.value or b""))
            elif type(part) in ANSWERS and (answer := ANSWERS[type(part)](part)) is not None:
                answers += frame.marshal(answer, channel)
        if messages:
            self._published += len(messages)
            answers += frame.marshal(commands.Basic.Ack(self._published, multiple=True), 1) + self._echo(messages)
        if answers:
            self.link.data_received(answers)


@asynccontextmanager
async def memory_broker(
    patch: pytest.MonkeyPatch, echo: Callable[[list[Sent]], bytes] = lambda _: b""
) -> AsyncIterator[list[MemoryBroker]]:
    """Connect to such brokers while the block runs; the list that it yields grows with each connection."""
    brokers: list[MemoryBroker] = []

    async def dial(_address: Address, link: Link) -> None:
        brokers.append(MemoryBroker(link, echo))
        link.connection_made(brokers[-1])

    with patch.context() as patched:
        patched.setattr("leveret.amqp.connection.dial", dial)
        yield brokers
