"""Methods and their answers, in time, too late, or never, with a scripted broker."""

import asyncio

import pytest
from pamqp import commands

from leveret.amqp import (
    AmqpError,
    AmqpTimeout,
    Connection,
    Delivery,
    InvalidArgument,
    Limits,
    ProtocolError,
)
from support.amqp_peer import Talk, connected

QUICK = Limits(rpc=0.2, confirm=0.2, close=0.2)
PATIENT = Limits(rpc=20, confirm=20, close=1)


async def ended(connection: Connection) -> AmqpError | None:
    return await asyncio.wait_for(connection.closed, 5)


async def test_a_method_without_an_answer_is_a_timeout_that_names_it() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.drain_until_gone_quietly()

    async with connected(script, limits=QUICK) as connection:
        channel = await connection.channel()
        with pytest.raises(AmqpTimeout, match=r"no answer in 0\.2 s to queue\.declare of 'q'"):
            await channel.declare_queue("q")
        assert connection.is_open


async def test_the_late_reply_of_a_call_that_was_given_up_is_not_the_next_one_s() -> None:
    asked = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.expect(commands.Queue.Declare)
        asked.set()
        await talk.expect(commands.Queue.Declare)
        talk.send(commands.Queue.DeclareOk("first", 1, 0), commands.Queue.DeclareOk("second", 2, 0))
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        channel = await connection.channel()
        given_up = asyncio.create_task(channel.declare_queue("first"))
        await asyncio.wait_for(asked.wait(), 5)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        state = await channel.declare_queue("second")
        assert (state.name, state.messages) == ("second", 2)


async def test_the_late_message_of_a_get_that_was_given_up_goes_back_to_its_queue() -> None:
    asked, back = asyncio.Event(), asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.expect(commands.Basic.Get)
        asked.set()
        await talk.expect(commands.Queue.Purge)
        talk.send_message(commands.Basic.GetOk(7, exchange="", routing_key="q", message_count=0), b"x")
        talk.send(commands.Queue.PurgeOk(0))
        nack = await talk.expect(commands.Basic.Nack)
        assert (nack.delivery_tag, nack.requeue, nack.multiple) == (7, True, False)
        back.set()
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        channel = await connection.channel()
        given_up = asyncio.create_task(channel.get("q"))
        await asyncio.wait_for(asked.wait(), 5)
        given_up.cancel()
        assert await channel.purge_queue("other") == 0
        await asyncio.wait_for(back.wait(), 5)


async def test_a_consumer_that_was_given_up_is_cancelled_and_its_messages_go_back() -> None:
    asked, finished = asyncio.Event(), asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.open_channel()
        tag = (await talk.expect(commands.Basic.Consume)).consumer_tag
        asked.set()
        await talk.expect(commands.Queue.Purge)
        talk.send(commands.Basic.ConsumeOk(tag))
        talk.send_message(commands.Basic.Deliver(tag, 1, exchange="", routing_key="q"), b"x")
        talk.send(commands.Queue.PurgeOk(0))
        assert (await talk.expect(commands.Basic.Cancel)).consumer_tag == tag
        await talk.expect(commands.Basic.Nack)
        talk.send(commands.Basic.CancelOk(tag))
        await talk.expect(commands.Queue.Purge)
        talk.send(commands.Queue.PurgeOk(3))
        finished.set()
        await talk.drain_until_gone_quietly()

    unwanted: list[Delivery] = []
    async with connected(script) as connection:
        channel = await connection.channel()
        given_up = asyncio.create_task(channel.consume("q", unwanted.extend))
        await asyncio.wait_for(asked.wait(), 5)
        given_up.cancel()
        assert await channel.purge_queue("other") == 0
        assert await channel.purge_queue("other") == 3
        await asyncio.wait_for(finished.wait(), 5)
    assert unwanted == []


async def test_the_answer_to_another_question_fails_the_call_with_a_protocol_error() -> None:
    async def script(talk: Talk) -> None:
        await talk.open_channel()
        await talk.expect(commands.Queue.Declare)
        talk.send(commands.Basic.QosOk())
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        channel = await connection.channel()
        with pytest.raises(ProtocolError, match=r"Basic\.QosOk in answer to queue\.declare of 'q'"):
            await channel.declare_queue("q")


async def test_more_channels_than_were_agreed_on_are_refused_before_anything_is_sent() -> None:
    async def script(talk: Talk) -> None:
        for number in range(10):
            await talk.expect(commands.Channel.Open)
            talk.send(commands.Channel.OpenOk(), channel=number + 1)
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        for _ in range(10):
            await connection.channel()
        with pytest.raises(InvalidArgument, match="all 10 channels"):
            await connection.channel()


async def test_a_channel_whose_opening_was_given_up_is_closed_when_it_opens_after_all() -> None:
    asked, go_on, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.expect(commands.Channel.Open)
        asked.set()
        await go_on.wait()
        talk.send(commands.Channel.OpenOk())
        await talk.expect(commands.Channel.Close)
        talk.send(commands.Channel.CloseOk())
        closed.set()
        await talk.drain_until_gone_quietly()

    async with connected(script) as connection:
        given_up = asyncio.create_task(connection.channel())
        await asyncio.wait_for(asked.wait(), 5)
        given_up.cancel()
        await asyncio.wait((given_up,))
        go_on.set()
        await asyncio.wait_for(closed.wait(), 5)
        assert connection.is_open
