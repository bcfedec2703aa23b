"""Heartbeats, alarms and full buffers, with a scripted broker."""

import asyncio

import pytest
from pamqp import commands, heartbeat

from leveret.amqp import (
    AmqpError,
    AmqpTimeout,
    Channel,
    Connection,
    ConnectionLost,
    Limits,
    Message,
)
from support.amqp_peer import Peer, Talk, connected

QUICK = Limits(rpc=0.2, confirm=0.2, close=0.2)
PATIENT = Limits(rpc=20, confirm=20, close=1)


async def ended(connection: Connection) -> AmqpError | None:
    return await asyncio.wait_for(connection.closed, 5)


async def test_an_idle_connection_beats_and_a_silent_broker_ends_it() -> None:
    beats: list[int] = []

    async def script(talk: Talk) -> None:
        await talk.beat()
        beats.append(1)
        await talk.drain_until_gone_quietly()

    async with connected(script, beats=1) as connection:
        error = await asyncio.wait_for(connection.closed, 8)
    assert beats
    assert isinstance(error, ConnectionLost)
    assert "nothing was heard for 2 s" in str(error)


async def test_a_broker_that_only_beats_is_alive() -> None:
    async def script(talk: Talk) -> None:
        for _ in range(4):
            await talk.beat()
            await talk.beat()
            talk.send(heartbeat.Heartbeat(), channel=0)
        talk.send(commands.Connection.Close(320, "enough", 0, 0), channel=0)
        await talk.expect(commands.Connection.CloseOk)

    async with connected(script, beats=1) as connection:
        error = await asyncio.wait_for(connection.closed, 15)
    assert "enough" in str(error)


async def test_blocked_and_unblocked_are_told() -> None:
    heard: list[str | None] = []
    free = asyncio.Event()

    def on_blocked(reason: str | None) -> None:
        heard.append(reason)
        if reason is None:
            free.set()

    async def script(talk: Talk) -> None:
        await talk.greet()
        talk.send(commands.Connection.Blocked("low on memory"), commands.Connection.Unblocked(), channel=0)
        await talk.drain_until_gone_quietly()

    async with Peer.running(script) as peer:
        connection = await Connection.open(peer.url, on_blocked=on_blocked)
        await asyncio.wait_for(free.wait(), 5)
        assert heard == ["low on memory", None]
        assert connection.blocked is None
        connection.abort()


async def test_channel_flow_is_answered() -> None:
    answered = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        talk.send(commands.Channel.Flow(active=True))
        assert (await talk.expect(commands.Channel.FlowOk)).active
        answered.set()

    async with connected(script) as connection:
        await connection.channel()
        await asyncio.wait_for(answered.wait(), 5)


async def test_a_peer_that_does_not_read_makes_writers_wait_and_then_names_why() -> None:
    finished = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        talk.send(commands.Connection.Blocked("low on disk"), channel=0)
        await finished.wait()

    async def write_without_end(connection: Connection, channel: Channel) -> None:
        while True:
            await connection.writable()
            channel.publish_batch([Message(bytes(1 << 20), "q")])

    async with connected(script, limits=QUICK) as connection:
        channel = await connection.channel()
        with pytest.raises(AmqpTimeout, match=r"write buffer \(the broker blocks publishers: low on disk\)"):
            await write_without_end(connection, channel)
        finished.set()


async def test_writers_go_on_when_the_peer_reads_again() -> None:
    full = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await full.wait()
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        channel = await connection.channel()
        while not (waiting := asyncio.ensure_future(connection.writable())).done():
            channel.publish_batch([Message(bytes(1 << 20), "q")])
            await asyncio.wait((waiting,), timeout=0.05)
            if not waiting.done():
                break
        full.set()
        await asyncio.wait_for(waiting, 10)
        connection.abort()
