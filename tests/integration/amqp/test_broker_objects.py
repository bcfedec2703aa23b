"""Declaring, binding and deleting on a real RabbitMQ, and the errors when it refuses."""

from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from leveret.amqp import (
    Channel,
    ChannelClosed,
    Connection,
    InequivalentArguments,
    InvalidArgument,
    Message,
    Unroutable,
)


class Broker(Protocol):
    url: str


@pytest.fixture
async def connection(broker: Broker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url, name="test of broker objects")
    yield connection
    await connection.close()


@pytest.fixture
async def channel(connection: Connection) -> Channel:
    return await connection.channel(confirms=True)


async def test_the_broker_tells_what_it_is(connection: Connection) -> None:
    assert connection.server_properties["product"] == "RabbitMQ"
    assert isinstance(connection.server_properties["capabilities"], dict)
    assert connection.frame_max == 131072
    assert connection.channel_max == 2047
    assert connection.heartbeat == 60
    assert connection.blocked is None


async def test_a_queue_is_declared_filled_purged_and_deleted(channel: Channel, prefix: str) -> None:
    state = await channel.declare_queue(prefix, arguments={"x-queue-type": "quorum"})
    assert (state.name, state.messages, state.consumers) == (prefix, 0, 0)
    assert await channel.publish_batch([Message(b"x", prefix)] * 3) == [None] * 3
    assert await channel.purge_queue(prefix) == 3
    await channel.publish(Message(b"x", prefix))
    await channel.consume(prefix, lambda _: None, on_cancel=lambda _: None)
    assert (await channel.declare_queue(prefix, passive=True)).consumers == 1
    assert await channel.delete_queue(prefix) >= 0
    with pytest.raises(ChannelClosed) as caught:
        await channel.declare_queue(prefix, passive=True)
    assert caught.value.reply_code == 404


async def test_the_broker_names_a_queue_that_has_no_name(channel: Channel) -> None:
    state = await channel.declare_queue(durable=False, exclusive=True, auto_delete=True)
    assert state.name.startswith("amq.gen-")
    await channel.publish(Message(b"x", state.name, mandatory=True))
    assert await channel.delete_queue(state.name) == 1


async def test_an_exchange_routes_by_its_bindings_and_no_further(channel: Channel, prefix: str) -> None:
    await channel.declare_exchange(prefix)
    await channel.declare_exchange(prefix, passive=True)
    await channel.declare_queue(prefix, durable=False, exclusive=True)
    await channel.bind_queue(prefix, prefix, "key", {"note": 1})
    await channel.publish(Message(b"x", "key", prefix, mandatory=True))
    await channel.unbind_queue(prefix, prefix, "key", {"note": 1})
    with pytest.raises(Unroutable):
        await channel.publish(Message(b"x", "key", prefix, mandatory=True))
    await channel.delete_exchange(prefix, if_unused=True)
    await channel.delete_queue(prefix, if_unused=True)


@pytest.mark.parametrize(
    ("argument", "there", "wanted"),
    [("x-max-length", "'10'", "'11'"), ("x-message-ttl", "'5'", "none")],
)
async def test_a_queue_that_is_there_with_other_arguments_is_told_with_the_way_out(
    connection: Connection, channel: Channel, prefix: str, argument: str, there: str, wanted: str
) -> None:
    await channel.declare_queue(prefix, arguments={"x-max-length": 10, "x-message-ttl": 5})
    changed = {"x-max-length": 11, "x-message-ttl": 5} if argument == "x-max-length" else {"x-max-length": 10}
    with pytest.raises(InequivalentArguments) as caught:
        await channel.declare_queue(prefix, arguments={**changed})
    error = caught.value
    assert (error.kind, error.name, error.argument) == ("queue", prefix, argument)
    assert there in error.current
    assert wanted in error.wanted
    assert "delete" in str(error)
    assert error.reply_code == 406
    assert error.fatal
    await (await connection.channel()).delete_queue(prefix)


async def test_a_queue_of_another_life_and_an_exchange_of_another_kind_are_told_the_same_way(
    connection: Connection, prefix: str
) -> None:
    channel = await connection.channel()
    await channel.declare_queue(prefix)
    with pytest.raises(InequivalentArguments, match="auto_delete"):
        await channel.declare_queue(prefix, auto_delete=True)
    await (await connection.channel()).delete_queue(prefix)
    channel = await connection.channel()
    await channel.declare_exchange(prefix, "direct", durable=False, auto_delete=False)
    with pytest.raises(InequivalentArguments, match="exchange"):
        await channel.declare_exchange(prefix, "fanout", durable=False)
    await (await connection.channel()).delete_exchange(prefix)


async def test_someone_elses_exclusive_queue_is_locked(broker: Broker, connection: Connection, prefix: str) -> None:
    owner = await Connection.open(broker.url)
    await (await owner.channel()).declare_queue(prefix, durable=False, exclusive=True)
    with pytest.raises(ChannelClosed, match="RESOURCE_LOCKED") as caught:
        await (await connection.channel()).declare_queue(prefix, durable=False, exclusive=True)
    assert caught.value.reply_code == 405
    await owner.close()


async def test_a_refused_method_leaves_other_channels_of_the_connection_alone(
    connection: Connection, prefix: str
) -> None:
    good, bad = await connection.channel(), await connection.channel()
    with pytest.raises(ChannelClosed, match="NOT_FOUND"):
        await bad.bind_queue(prefix, "no-such-exchange", "k")
    with pytest.raises(ChannelClosed, match="NOT_FOUND"):
        await bad.qos(1)
    await good.qos(1)
    assert isinstance(await bad.closed, ChannelClosed)
    again = await connection.channel()
    await again.qos(1)


@pytest.mark.parametrize("name", ["q" * 256, "nul\0", "quote'", "ü"])
async def test_a_name_that_amqp_does_not_allow_is_refused_before_anything_is_sent(channel: Channel, name: str) -> None:
    with pytest.raises(InvalidArgument):
        await channel.declare_queue(name)
    with pytest.raises(InvalidArgument):
        await channel.consume(name, lambda _: None)
    with pytest.raises(InvalidArgument):
        await channel.get(name)
    assert channel.is_open


@pytest.mark.parametrize("prefetch", [-1, 65536])
async def test_a_prefetch_that_amqp_cannot_carry_is_refused(channel: Channel, prefetch: int) -> None:
    with pytest.raises(InvalidArgument):
        await channel.qos(prefetch)


async def test_a_channel_number_is_used_again_after_close(connection: Connection) -> None:
    for _ in range(2100):
        channel = await connection.channel()
        await channel.close()
        assert await channel.closed is None
    with pytest.raises(ChannelClosed, match="by this side"):
        await channel.qos(1)
