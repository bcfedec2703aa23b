"""Consuming from a scripted broker."""

import asyncio
import logging

import pytest
from pamqp import commands, frame, header

from leveret.amqp import (
    ConnectionLost,
    ConsumerCancelled,
    Delivery,
)
from support.amqp_peer import Talk, channel_to


async def start_consuming(talk: Talk) -> str:
    tag = (await talk.expect(commands.Basic.Consume)).consumer_tag
    talk.send(commands.Basic.ConsumeOk(tag))
    return tag


def deliver(tag: str, number: int) -> list[frame.FrameTypes]:
    return [commands.Basic.Deliver(tag, number, exchange="", routing_key="q"), header.ContentHeader(0, 0)]


async def test_all_deliveries_of_a_read_come_in_one_call_for_each_consumer() -> None:
    async def script(talk: Talk) -> None:
        one, two = await start_consuming(talk), await start_consuming(talk)
        talk.send(*deliver(one, 1), *deliver(two, 2), *deliver(one, 3), *deliver(one, 4), *deliver(two, 5))
        await talk.drain_until_gone_quietly()

    calls: list[tuple[str, list[int]]] = []
    done = asyncio.Event()

    def take(name: str, batch: list[Delivery]) -> None:
        calls.append((name, [delivery.delivery_tag for delivery in batch]))
        if len(calls) == 2:
            done.set()

    async with channel_to(script) as (_, channel):
        await channel.consume("q", lambda batch: take("one", batch))
        await channel.consume("q", lambda batch: take("two", batch))
        await asyncio.wait_for(done.wait(), 5)
    assert calls == [("one", [1, 3, 4]), ("two", [2, 5])]


@pytest.mark.parametrize("nowait", [True, False])
async def test_a_consumer_that_the_broker_cancels_is_told_after_its_last_deliveries(nowait: bool) -> None:
    answered = asyncio.Event()

    async def script(talk: Talk) -> None:
        tag = await start_consuming(talk)
        talk.send(*deliver(tag, 1), commands.Basic.Cancel(tag, nowait))
        if not nowait:
            assert (await talk.expect(commands.Basic.CancelOk)).consumer_tag == tag
        await talk.expect(commands.Queue.Purge)
        talk.send(commands.Queue.PurgeOk(0))
        answered.set()
        await talk.drain_until_gone_quietly()

    heard: list[str] = []
    cancelled = asyncio.Event()

    def on_cancel(tag: str) -> None:
        heard.append(f"cancel {tag}")
        cancelled.set()

    async with channel_to(script) as (_, channel):
        tag = await channel.consume("q", lambda batch: heard.append(f"{len(batch)}"), on_cancel=on_cancel)
        await asyncio.wait_for(cancelled.wait(), 5)
        await channel.purge_queue("q")
        await asyncio.wait_for(answered.wait(), 5)
        await channel.cancel(tag)
        assert channel.is_open
    assert heard == ["1", f"cancel {tag}"]


async def test_a_cancelled_consumer_that_nobody_listens_for_ends_its_channel() -> None:
    async def script(talk: Talk) -> None:
        tag = await start_consuming(talk)
        talk.send(commands.Basic.Cancel(tag, nowait=True))
        await talk.expect(commands.Channel.Close)
        talk.send(commands.Channel.CloseOk())
        await talk.drain_until_gone_quietly()

    async with channel_to(script) as (connection, channel):
        await channel.consume("q", lambda _: None)
        error = await asyncio.wait_for(channel.closed, 5)
        assert isinstance(error, ConsumerCancelled)
        assert "queue 'q'" in str(error)
        assert connection.is_open


async def test_a_callback_that_raises_ends_the_connection_with_that_as_the_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(talk: Talk) -> None:
        tag = await start_consuming(talk)
        talk.send(*deliver(tag, 1))
        assert (await talk.expect(commands.Connection.Close)).reply_code == 541

    def broken(_batch: list[Delivery]) -> None:
        raise ZeroDivisionError("mine")

    async with channel_to(script) as (connection, channel):
        await channel.consume("q", broken)
        error = await asyncio.wait_for(connection.closed, 5)
    assert isinstance(error, ConnectionLost)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert caplog.record_tuples[0][:2] == ("leveret.amqp", logging.ERROR)
    assert "queue 'q'" in caplog.messages[0]


async def test_a_callback_may_drop_the_connection_in_the_middle_of_a_read() -> None:
    async def script(talk: Talk) -> None:
        one, two = await start_consuming(talk), await start_consuming(talk)
        talk.send(*deliver(one, 1), *deliver(two, 2))
        await talk.drain_until_gone_quietly()

    seen: list[int] = []
    async with channel_to(script) as (connection, channel):

        def drop(batch: list[Delivery]) -> None:
            seen.append(batch[0].delivery_tag)
            connection.abort()

        await channel.consume("q", drop)
        await channel.consume("q", drop)
        assert isinstance(await asyncio.wait_for(connection.closed, 5), ConnectionLost)
    assert seen == [1]
