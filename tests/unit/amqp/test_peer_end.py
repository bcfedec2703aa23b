"""How connections and channels end, whoever ends them, with a scripted broker."""

import asyncio

import pytest
from pamqp import body, commands, frame, header

from leveret.amqp import (
    AmqpError,
    ChannelClosed,
    Connection,
    ConnectionLost,
    Limits,
    Message,
    ProtocolError,
)
from support.amqp_peer import Talk, connected

QUICK = Limits(rpc=0.2, confirm=0.2, close=0.2)
PATIENT = Limits(rpc=20, confirm=20, close=1)


async def ended(connection: Connection) -> AmqpError | None:
    return await asyncio.wait_for(connection.closed, 5)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([commands.Queue.DeclareOk("q", 0, 0)], 503),
        ([commands.Basic.Ack(1)], 503),
        ([commands.Basic.Deliver("?", 1, exchange="", routing_key="k"), header.ContentHeader(0, 0)], 503),
        ([body.ContentBody(b"x")], 505),
    ],
)
async def test_what_was_not_asked_for_closes_the_connection_with_a_code(
    parts: list[frame.FrameTypes], code: int
) -> None:
    told: list[commands.Connection.Close] = []

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        talk.send(*parts)
        told.append(await talk.expect(commands.Connection.Close))

    async with connected(script) as connection:
        await connection.channel()
        error = await ended(connection)
    assert isinstance(error, ProtocolError)
    assert error.reply_code == told[0].reply_code == code


async def test_a_frame_for_a_channel_that_is_not_open_closes_the_connection() -> None:
    async def script(talk: Talk) -> None:
        talk.send(commands.Queue.DeclareOk("q", 0, 0), channel=9)
        assert (await talk.expect(commands.Connection.Close)).reply_code == 504

    async with connected(script) as connection:
        assert isinstance(await ended(connection), ProtocolError)


async def test_nothing_hangs_when_the_broker_hangs_up() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel(confirms=True)
        await talk.expect_message()
        await talk.expect(commands.Queue.Declare)

    async with connected(script) as connection:
        channel = await connection.channel(confirms=True)
        published = channel.publish_batch([Message(b"x", "q")])
        with pytest.raises(ConnectionLost):
            await channel.declare_queue("q")
        assert [type(verdict) for verdict in await published] == [ConnectionLost]
        assert isinstance(await ended(connection), ConnectionLost)
        assert isinstance(await channel.closed, ConnectionLost)
        assert not connection.is_open
        assert not channel.is_open
        with pytest.raises(ConnectionLost):
            channel.publish_batch([Message(b"x", "q")])
        with pytest.raises(ConnectionLost):
            await channel.publish(Message(b"x", "q"))
        with pytest.raises(ConnectionLost):
            channel.ack(1)
        with pytest.raises(ConnectionLost):
            await connection.channel()
        with pytest.raises(ConnectionLost):
            await connection.writable()
        await channel.close()
        await connection.close()


async def test_a_connection_closed_by_the_broker_gives_its_words_to_everything_that_waits() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.expect(commands.Queue.Declare)
        talk.send(commands.Connection.Close(320, "CONNECTION_FORCED - maintenance", 0, 0), channel=0)
        await talk.expect(commands.Connection.CloseOk)

    async with connected(script) as connection:
        channel = await connection.channel()
        with pytest.raises(ConnectionLost, match="maintenance") as caught:
            await channel.declare_queue("q")
        error = await ended(connection)
    assert isinstance(error, ConnectionLost)
    assert error.reply_code == caught.value.reply_code == 320
    assert error is not caught.value


async def test_a_channel_closed_by_the_broker_leaves_the_others_and_its_number_alone() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.expect(commands.Queue.Declare)
        talk.send(commands.Channel.Close(404, "NOT_FOUND - no queue 'q'", 50, 10))
        await talk.expect(commands.Channel.CloseOk)
        await talk.expect(commands.Channel.Open)
        talk.send(commands.Channel.OpenOk(), channel=2)
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelClosed, match="no queue 'q'") as caught:
            await channel.declare_queue("q", passive=True)
        assert caught.value.reply_code == 404
        with pytest.raises(ChannelClosed):
            await channel.declare_queue("q")
        assert (await connection.channel()).number == 2
        assert connection.is_open


async def test_two_sides_that_close_a_channel_at_once_both_get_their_answer() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.expect(commands.Channel.Close)
        talk.send(commands.Channel.Close(406, "PRECONDITION_FAILED", 60, 80))
        await talk.expect(commands.Channel.CloseOk)
        talk.send(commands.Channel.CloseOk())
        await talk.expect(commands.Channel.Open)
        talk.send(commands.Channel.OpenOk(), channel=2)
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        channel = await connection.channel()
        await channel.close()
        assert await channel.closed is None
        await connection.channel()


async def test_a_broker_that_does_not_answer_a_goodbye_does_not_hold_us_up() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.drain_until_gone_quietly()

    async with connected(script, limits=QUICK) as connection:
        channel = await connection.channel()
        await asyncio.wait_for(channel.close(), 5)
        await asyncio.wait_for(asyncio.gather(connection.close(), connection.close()), 5)
        assert await connection.closed is None


async def test_cancelling_who_waits_for_the_end_does_not_end_anything() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.hear_goodbye()

    async with connected(script) as connection:
        channel = await connection.channel()
        for ending in (connection, channel):
            asyncio.ensure_future(ending.closed).cancel()
        assert not connection.closed.done()
        assert not channel.closed.done()
        await connection.close()
        assert await connection.closed is None
        assert isinstance(await channel.closed, ConnectionLost)


async def test_two_sides_that_close_the_connection_at_once_part_as_friends() -> None:
    async def script(talk: Talk) -> None:
        await talk.expect(commands.Connection.Close)
        talk.send(commands.Connection.Close(320, "CONNECTION_FORCED", 0, 0), channel=0)
        await talk.expect(commands.Connection.CloseOk)

    async with connected(script) as connection:
        await asyncio.wait_for(connection.close(), 5)
        assert await connection.closed is None
        with pytest.raises(ConnectionLost, match="by this side"):
            await connection.channel()
