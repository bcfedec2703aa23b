"""The proxy does to a connection what the tests and the fault suite say that it does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from testbed.proxy import LIMIT, Proxy

LONG = b"0123456789" * 30


class Recorder(asyncio.Protocol):
    """A server that writes down each read by itself, and says everything back."""

    def __init__(self) -> None:
        self.reads: list[bytes] = []
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.reads.append(data)
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- as asyncio calls it
        self.ended.set()


@pytest.fixture
async def recorders() -> AsyncIterator[tuple[int, list[Recorder]]]:
    made: list[Recorder] = []

    def record() -> Recorder:
        made.append(Recorder())
        return made[-1]

    server = await asyncio.get_running_loop().create_server(record, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], made
    server.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def exchanged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), LIMIT)


async def test_bytes_arrive_in_writes_of_the_largest_size(recorders: tuple[int, list[Recorder]]) -> None:
    port, made = recorders
    async with Proxy("127.0.0.1", port) as proxy, connected(proxy.port) as (reader, writer):
        proxy.conditions.largest = 1
        assert await exchanged(reader, writer, LONG) == LONG
        assert b"".join(made[0].reads) == LONG
        assert len(made[0].reads) > len(LONG) / 10, "the system may join a few of them"
        assert proxy.conditions.split >= 1
        assert proxy.to_server == len(LONG)


async def test_latency_holds_every_piece_up_and_keeps_their_order(recorders: tuple[int, list[Recorder]]) -> None:
    port, _ = recorders
    now: Callable[[], float] = asyncio.get_running_loop().time
    async with Proxy("127.0.0.1", port) as proxy, connected(proxy.port) as (reader, writer):
        proxy.conditions.latency = 0.05
        began = now()
        assert await exchanged(reader, writer, LONG) == LONG
        assert now() - began >= 0.1, "once in each direction"
        proxy.conditions.latency, late = 0.0, proxy.conditions.late
        assert await exchanged(reader, writer, LONG) == LONG
        assert (late, proxy.conditions.late) == (2, 2)


async def test_a_piece_that_is_late_is_not_overtaken(recorders: tuple[int, list[Recorder]]) -> None:
    port, made = recorders
    async with Proxy("127.0.0.1", port) as proxy, connected(proxy.port) as (reader, writer):
        proxy.conditions.latency = 0.05
        writer.write(b"first")
        await asyncio.wait_for(until(lambda: proxy.conditions.late == 1), LIMIT)
        proxy.conditions.latency = 0.0
        assert await exchanged(reader, writer, b"second") == b"first" + b"s"
        assert b"".join(made[0].reads) == b"firstsecond"


async def test_one_connection_is_cut_and_the_others_stay(recorders: tuple[int, list[Recorder]]) -> None:
    port, made = recorders
    async with Proxy("127.0.0.1", port) as proxy, connected(proxy.port) as old, connected(proxy.port) as new:
        assert await exchanged(*old, b"old") == b"old"
        assert await exchanged(*new, b"new") == b"new"
        first = next(recorder for recorder in made if recorder.reads == [b"old"])
        assert (proxy.open, await proxy.cut(0), proxy.open) == (2, 1, 1)
        await asyncio.wait_for(first.ended.wait(), LIMIT)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await exchanged(*old, b"more")
        assert await exchanged(*new, b"more") == b"more"
        assert (await proxy.cut(7), await proxy.cut(), proxy.open) == (0, 1, 0)


async def test_one_direction_is_held_back_alone(recorders: tuple[int, list[Recorder]]) -> None:
    port, made = recorders
    async with Proxy("127.0.0.1", port) as proxy, connected(proxy.port) as (reader, writer):
        proxy.pause(to_server=False)
        writer.write(b"question")
        await proxy.held()
        assert made[0].reads == [b"question"]
        proxy.resume()
        assert await asyncio.wait_for(reader.readexactly(8), LIMIT) == b"question"


async def test_what_a_hole_held_back_still_arrives_when_its_sender_has_gone(
    recorders: tuple[int, list[Recorder]],
) -> None:
    port, made = recorders
    async with Proxy("127.0.0.1", port) as proxy:
        async with connected(proxy.port) as (_, writer):
            await proxy.connected(1)
            proxy.pause()
            writer.write(b"late")
            await proxy.held()
        proxy.resume()
        await proxy.empty()
        await asyncio.wait_for(made[0].ended.wait(), LIMIT)
        assert made[0].reads == [b"late"]


async def test_an_address_leads_through_the_proxy() -> None:
    async with Proxy("127.0.0.1", 1) as proxy:
        assert proxy.proxied("amqp://me:secret@broker:5/v?x=1") == f"amqp://me:secret@127.0.0.1:{proxy.port}/v?x=1"
        assert proxy.proxied("amqp://broker/") == f"amqp://127.0.0.1:{proxy.port}/"


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 -- the proxy tells nobody that a piece has begun to wait
        await asyncio.sleep(0)
