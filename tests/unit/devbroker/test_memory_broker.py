"""The broker in memory, by the methods that the driver's connections have too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from leveret.amqp import (
    Address,
    AmqpError,
    AnyConnection,
    ChannelClosed,
    Connect,
    Connection,
    ConnectionLost,
    Delivery,
    InvalidArgument,
    Message,
    Properties,
    Unroutable,
)
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.amqp.seam import AnyChannel
from leveret.devbroker.memory.broker import MemoryBroker
from leveret.devbroker.memory.queue import NotInMemory
from leveret.testing.clock import MovableClock
from leveret.topology import Topology

ADDRESS = Address.parse("amqp://memory")
TOPOLOGY = Topology("t")


class Reader:
    """Keeps what a consumer gets."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []

    def __call__(self, deliveries: list[Delivery]) -> None:
        self.got += deliveries


@pytest.fixture
async def clock() -> AsyncIterator[MovableClock]:
    clock = MovableClock()
    yield clock
    clock.close()


@pytest.fixture
async def broker(clock: MovableClock) -> MemoryBroker:
    return MemoryBroker(clock.clock)


@pytest.fixture
async def connection(broker: MemoryBroker) -> AnyConnection:
    return await broker.connect(ADDRESS, name="test")


@pytest.fixture
async def channel(connection: AnyConnection) -> AnyChannel:
    channel = await connection.channel(confirms=True)
    await TOPOLOGY.declare(channel)
    return channel


def request(body: bytes = b"{}", **properties: object) -> Message:
    asked = Properties(**properties)  # type: ignore[arg-type]  # a test's own values
    return Message(body, TOPOLOGY.requests, TOPOLOGY.exchange, asked, mandatory=True)


async def turns() -> None:
    """Let the loop do what is scheduled."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_both_kinds_of_connections_fit_the_seam(broker: MemoryBroker) -> None:
    kinds: list[Connect] = [Connection.open, broker.connect]
    assert len(kinds) == 2  # the type checker compares them


async def test_what_was_read_and_not_acked_comes_again_and_says_so(
    connection: AnyConnection, channel: AnyChannel
) -> None:
    reader, again = Reader(), Reader()
    other = await connection.channel()
    await other.consume(TOPOLOGY.requests, reader)
    assert await channel.publish_batch([request(b"1"), request(b"2")]) == [None, None]
    await turns()
    other.ack(reader.got[0].delivery_tag)
    await other.close()
    await channel.consume(TOPOLOGY.requests, again)
    await turns()
    assert [(each.body, each.redelivered) for each in reader.got] == [(b"1", False), (b"2", False)]
    assert [(each.body, each.redelivered) for each in again.got] == [(b"2", True)]
    assert (again.got[0].properties.headers or {})["x-delivery-count"] == 1


async def test_a_consumer_holds_no_more_than_its_prefetch(channel: AnyChannel) -> None:
    reader = Reader()
    await channel.qos(2)
    await channel.consume(TOPOLOGY.requests, reader)
    await channel.publish_batch([request(str(number).encode()) for number in range(5)])
    await turns()
    assert len(reader.got) == 2
    channel.ack(reader.got[1].delivery_tag, multiple=True)
    await turns()
    assert len(reader.got) == 4


async def test_two_consumers_share_a_queue(connection: AnyConnection, channel: AnyChannel) -> None:
    first, second = Reader(), Reader()
    for reader in (first, second):
        other = await connection.channel()
        await other.qos(1)
        await other.consume(TOPOLOGY.requests, reader)
    await channel.publish_batch([request(), request(), request()])
    await turns()
    assert (len(first.got), len(second.got)) == (1, 1)


async def test_a_large_body_is_left_out(channel: AnyChannel) -> None:
    reader = Reader()
    await channel.consume(TOPOLOGY.requests, reader, largest_body=10)
    await channel.publish_batch([request(b"x" * 11), request(b"x" * 10)])
    await turns()
    assert [(each.body, each.left_out) for each in reader.got] == [(b"", 11), (b"x" * 10, 0)]


async def test_a_message_waits_in_a_retry_queue_and_then_goes_back(channel: AnyChannel, clock: MovableClock) -> None:
    reader = Reader()
    await channel.consume(TOPOLOGY.requests, reader)
    await channel.publish_batch([Message(b"x", TOPOLOGY.retries[0], "", Properties(correlation_id="i"))])
    await clock.move(4.9)
    await turns()
    assert reader.got == []
    await clock.move(0.2)
    await turns()
    [found] = reader.got
    assert (found.exchange, found.routing_key, found.redelivered) == (TOPOLOGY.exchange, TOPOLOGY.requests, False)
    assert found.properties.correlation_id == "i"


async def test_a_dead_message_stays_where_it_was_while_its_target_is_full(
    connection: AnyConnection, clock: MovableClock
) -> None:
    small = Topology("small", limit=1)
    channel = await connection.channel(confirms=True)
    await small.declare(channel)
    full = [Message(b"x", small.requests, small.exchange)] * 2
    await channel.publish_batch([*full, Message(b"late", small.retries[0])])
    await clock.move(6)
    assert (await channel.declare_queue(small.retries[0], passive=True)).messages == 1
    reader = Reader()
    await channel.consume(small.requests, reader)
    await turns()
    await clock.move(180)
    await turns()
    assert [each.body for each in reader.got] == [b"x", b"x", b"late"]


async def test_a_mandatory_message_comes_back_and_another_is_gone(channel: AnyChannel) -> None:
    nowhere = Message(b"x", "nowhere", TOPOLOGY.exchange, mandatory=True)
    lost = Message(b"x", "nowhere", "")
    [back, gone] = await channel.publish_batch([nowhere, lost])
    assert isinstance(back, Unroutable)
    assert gone is None


async def test_an_exchange_or_a_queue_that_is_missing_ends_the_channel(connection: AnyConnection) -> None:
    channel = await connection.channel(confirms=True)
    [first, second] = await channel.publish_batch([Message(b"x", "k", "missing"), Message(b"x", "k")])
    assert isinstance(first, ChannelClosed)
    assert (first.reply_code, str(second)) == (404, str(first))
    assert not channel.is_open
    other = await connection.channel()
    with pytest.raises(ChannelClosed, match="NOT_FOUND - no queue 'missing'"):
        await other.declare_queue("missing", passive=True)
    with pytest.raises(ChannelClosed):
        await other.qos(1)


async def test_a_delivery_tag_that_was_never_given_ends_the_channel(channel: AnyChannel) -> None:
    channel.ack(7)
    closed = await channel.closed
    assert isinstance(closed, ChannelClosed)
    assert closed.reply_code == 406


async def test_replies_reach_the_channel_that_asked_and_no_other(
    connection: AnyConnection, channel: AnyChannel
) -> None:
    replies, asked = Reader(), Reader()
    await channel.consume(DIRECT_REPLY_TO, replies, no_ack=True)
    other = await connection.channel(confirms=True)
    await other.consume(TOPOLOGY.requests, asked)
    await channel.publish_batch([request(reply_to=DIRECT_REPLY_TO)])
    await turns()
    name = asked.got[0].properties.reply_to or ""
    assert name.startswith(f"{DIRECT_REPLY_TO}.")
    assert await other.publish_batch([Message(b"yes", name), Message(b"no", f"{name}x")]) == [None, None]
    await turns()
    assert [each.body for each in replies.got] == [b"yes"]
    [refused] = await other.publish_batch([request(reply_to=DIRECT_REPLY_TO)])
    assert isinstance(refused, ChannelClosed)


async def test_what_amqp_cannot_carry_is_refused_before_anything_is_sent(channel: AnyChannel) -> None:
    with pytest.raises(InvalidArgument):
        channel.publish_batch([request(), request(correlation_id="x" * 256)])
    assert (await channel.declare_queue(TOPOLOGY.requests, passive=True)).messages == 0


async def test_cut_connections_end_with_their_channels(
    broker: MemoryBroker, connection: AnyConnection, channel: AnyChannel
) -> None:
    broker.cut()
    for ended in (await connection.closed, await channel.closed):
        assert isinstance(ended, ConnectionLost)
    with pytest.raises(ConnectionLost):
        await connection.channel()
    with pytest.raises(ConnectionLost):
        channel.publish_batch([])


async def test_a_consumer_that_raises_ends_the_connection(connection: AnyConnection, channel: AnyChannel) -> None:
    def fail(_deliveries: list[Delivery]) -> None:
        raise KeyError("x")

    await channel.consume(TOPOLOGY.requests, fail)
    await channel.publish_batch([request()])
    ended = await connection.closed
    assert isinstance(cast("AmqpError", ended).__cause__, KeyError)


async def test_what_it_does_not_know_it_refuses_by_name(connection: AnyConnection, channel: AnyChannel) -> None:
    quiet = await connection.channel()
    refused: dict[str, Callable[[], object]] = {
        "without confirms": lambda: quiet.publish_batch([request()]),
        "rejected": lambda: channel.nack(1, requeue=False),
    }
    for words, step in refused.items():
        with pytest.raises(NotInMemory, match=words):
            step()
    with pytest.raises(NotInMemory, match="not direct and durable"):
        await channel.declare_exchange("e", "fanout")
    with pytest.raises(NotInMemory, match="not durable"):
        await channel.declare_queue("q", durable=False)
    with pytest.raises(NotInMemory, match="different arguments"):
        await channel.declare_queue(TOPOLOGY.requests, arguments={})
    with pytest.raises(NotInMemory, match="without acks"):
        await channel.consume(TOPOLOGY.requests, Reader(), no_ack=True)
    assert not hasattr(channel, "get")
