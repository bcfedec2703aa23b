"""A scripted broker on the loopback interface, for what a real broker does not do on demand.

It encodes and decodes with pamqp, so that our own codec does not judge itself.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self, TypeVar

from pamqp import base, body, commands, common, frame, header, heartbeat

from leveret.amqp import Channel, Connection, Limits

Kind = TypeVar("Kind")

CAPABILITIES: common.FieldTable = {"publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True}


class Talk:
    """One connection of a client, seen from the broker's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.beats = 0

    async def read(self) -> tuple[int, frame.FrameTypes]:
        """Return the next frame and its channel."""
        head = await self.reader.readexactly(7)
        rest = await self.reader.readexactly(int.from_bytes(head[3:7], "big") + 1)
        _, channel, found = frame.unmarshal(head + rest)
        return channel, found

    async def expect(self, kind: type[Kind]) -> Kind:
        """Return the next frame that is not a heartbeat; it must be of this kind."""
        while True:
            _, found = await self.read()
            if isinstance(found, heartbeat.Heartbeat):
                self.beats += 1
                continue
            assert isinstance(found, kind), f"expected {kind.__qualname__}, got {found!r}"
            return found

    async def beat(self) -> None:
        """Wait for a heartbeat."""
        while not isinstance((await self.read())[1], heartbeat.Heartbeat):
            pass

    def send(self, *frames: frame.FrameTypes, channel: int = 1) -> None:
        """Send frames on a channel, in one write."""
        self.send_bytes(b"".join(frame.marshal(each, channel) for each in frames))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        self.writer.write(data)

    def send_message(self, method: base.Frame, content: bytes, *, headers: dict[str, object] | None = None) -> None:
        """Send a method with content on channel 1."""
        properties = commands.Basic.Properties(headers=headers)  # type: ignore[arg-type]  # the tests choose plain values
        self.send(method, header.ContentHeader(0, len(content), properties), body.ContentBody(content))

    async def greet(
        self, *, beats: int = 0, frame_max: int = 131072, channel_max: int = 10
    ) -> commands.Connection.Open:
        """Do the broker's side of the handshake."""
        await self.start()
        self.send(commands.Connection.Tune(channel_max, frame_max, beats), channel=0)
        await self.expect(commands.Connection.TuneOk)
        opened = await self.expect(commands.Connection.Open)
        self.send(commands.Connection.OpenOk(), channel=0)
        return opened

    async def start(self) -> commands.Connection.StartOk:
        """Do the first half of the handshake, up to the client's credentials."""
        assert await self.reader.readexactly(8) == b"AMQP\0\0\x09\x01"
        self.send(commands.Connection.Start(server_properties={"capabilities": CAPABILITIES}), channel=0)
        return await self.expect(commands.Connection.StartOk)

    async def open_channel(self, *, confirms: bool = False) -> None:
        """Let the client open a channel."""
        await self.expect(commands.Channel.Open)
        self.send(commands.Channel.OpenOk())
        if confirms:
            await self.expect(commands.Confirm.Select)
            self.send(commands.Confirm.SelectOk())

    async def expect_message(self) -> tuple[commands.Basic.Publish, header.ContentHeader, bytes]:
        """Return a whole published message: method, header and body."""
        publish = await self.expect(commands.Basic.Publish)
        head = await self.expect(header.ContentHeader)
        content = b""
        while len(content) < head.body_size:
            content += (await self.expect(body.ContentBody)).value or b""
        return publish, head, content

    async def hear_goodbye(self) -> commands.Connection.Close:
        """Return the client's connection.close, after answering it."""
        closing = await self.expect(commands.Connection.Close)
        self.send(commands.Connection.CloseOk(), channel=0)
        return closing

    async def drain_until_gone(self) -> bytes:
        """Return everything that the client still sends until it closes the connection."""
        return await self.reader.read(-1)

    async def drain_until_gone_quietly(self) -> None:
        """Send nothing; the client may also reset the connection."""
        with contextlib.suppress(ConnectionError):
            await self.drain_until_gone()


class Peer:
    """The listening side; an error of its script is raised when the test leaves the block."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.failures: list[BaseException] = []

    @property
    def url(self) -> str:
        """The address on which it listens."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, script: Callable[[Talk], Awaitable[None]], *, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[Self]:
        """Run `script` for every client that connects; the connection ends when its script ends."""
        peer = cls(0)
        talks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talks.add(task)
            peer.connections += 1
            try:
                await script(Talk(reader, writer))
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
            except (Exception, asyncio.CancelledError) as error:
                peer.failures.append(error)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        peer.port = server.sockets[0].getsockname()[1]
        try:
            yield peer
            if talks:
                await asyncio.wait(talks, timeout=5)
        finally:
            server.close()
            for task in talks:
                task.cancel()
            if talks:
                await asyncio.wait(talks, timeout=5)
        if peer.failures:
            raise peer.failures[0]


@contextlib.asynccontextmanager
async def connected(
    script: Callable[[Talk], Awaitable[None]], *, beats: int = 0, limits: Limits | None = None
) -> AsyncIterator[Connection]:
    """Open a connection to a peer that runs `script` after the handshake."""

    async def whole(talk: Talk) -> None:
        await talk.greet(beats=beats)
        await script(talk)

    async with Peer.running(whole) as peer:
        connection = await Connection.open(peer.url, limits=limits or Limits(close=1))
        try:
            yield connection
        finally:
            connection.abort()


@contextlib.asynccontextmanager
async def channel_to(
    script: Callable[[Talk], Awaitable[None]], *, confirms: bool = False, limits: Limits | None = None
) -> AsyncIterator[tuple[Connection, Channel]]:
    """Open a channel to a peer that then runs `script`."""

    async def whole(talk: Talk) -> None:
        await talk.open_channel(confirms=confirms)
        await script(talk)

    async with connected(whole, limits=limits) as connection:
        yield connection, await connection.channel(confirms=confirms)
