"""A real RabbitMQ goes away and comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from leveret.amqp import (
    AmqpError,
    AmqpTimeout,
    Channel,
    ConnectFailed,
    Connection,
    ConnectionLost,
    Delivery,
    InequivalentArguments,
    Limits,
    Message,
    Reconnector,
)
from leveret.devbroker import DevBroker
from leveret.process.backoff import Backoff
from support.amqp_peer import Peer, Talk

QUICK = Backoff(first=0.01, most=0.2)


class Broker(Protocol):
    url: str


@dataclass
class Working:
    """What a worker keeps open: a connection, a channel with a queue, a prefetch and a consumer.

    The queue is a classic one: RabbitMQ 3.10 forgets the leader of a quorum queue that was made less than three minutes
    before the node was killed.
    """

    connection: Connection
    channel: Channel
    received: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    @property
    def closed(self) -> "asyncio.Future[AmqpError | None]":
        return self.connection.closed

    async def close(self) -> None:
        await self.connection.close()

    def take(self, batch: list[Delivery]) -> None:
        for delivery in batch:
            self.received.put_nowait(delivery.body)
        self.channel.ack(batch[-1].delivery_tag, multiple=True)


def opener(url: str, queue: str) -> "Callable[[], asyncio.Future[Working]]":
    async def connect() -> Working:
        connection = await Connection.open(url, limits=Limits(connect=5, close=1))
        try:
            channel = await connection.channel(confirms=True)
            await channel.declare_queue(queue)
            await channel.qos(10)
            working = Working(connection, channel)
            await channel.consume(queue, working.take)
        except BaseException:
            connection.abort()
            raise
        return working

    return lambda: asyncio.ensure_future(connect())


async def finish(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def echo(working: Working, body: bytes, queue: str) -> None:
    await working.channel.publish(Message(body, queue, mandatory=True))
    assert await asyncio.wait_for(working.received.get(), 10) == body


async def delete(url: str, queue: str) -> None:
    connection = await Connection.open(url)
    await (await connection.channel()).delete_queue(queue)
    await connection.close()


async def test_after_a_lost_connection_consumer_prefetch_and_topology_are_there_again(
    broker: Broker, prefix: str
) -> None:
    news: list[Working | AmqpError] = []
    keeper = Reconnector(opener(broker.url, prefix), backoff=QUICK, on_change=news.append)
    task = asyncio.create_task(keeper.run())
    first = await keeper.ready(10)
    await echo(first, b"before", prefix)
    await delete(broker.url, prefix)
    first.connection.abort()
    await first.closed
    second = await keeper.ready(10)
    assert second is not first
    await echo(second, b"after", prefix)
    await finish(task)
    assert not second.connection.is_open
    assert [type(each) for each in news] == [Working, ConnectionLost, Working]
    await delete(broker.url, prefix)


async def test_a_broker_that_is_killed_and_comes_back_is_found_again(private_broker: DevBroker, prefix: str) -> None:
    keeper = Reconnector(opener(private_broker.url, prefix), backoff=QUICK)
    task = asyncio.create_task(keeper.run())
    first = await keeper.ready(10)
    await echo(first, b"before", prefix)
    await asyncio.to_thread(private_broker.kill)
    assert isinstance(await asyncio.wait_for(first.closed, 10), ConnectionLost)
    with pytest.raises(ConnectionLost):
        first.channel.publish_batch([Message(b"x", prefix)])
    with pytest.raises(AmqpTimeout, match="an attempt to connect") as caught:
        await keeper.ready(0.3)
    assert isinstance(caught.value.__cause__, AmqpError)
    await asyncio.to_thread(private_broker.restart)
    second = await keeper.ready(30)
    await echo(second, b"after", prefix)
    await finish(task)


async def test_a_polite_shutdown_of_the_broker_is_told_with_its_words(private_broker: DevBroker) -> None:
    connection = await Connection.open(private_broker.url)
    await asyncio.to_thread(private_broker.stop)
    error = await asyncio.wait_for(connection.closed, 30)
    assert isinstance(error, ConnectionLost)
    assert error.reply_code in (0, 320)


async def test_a_wrong_password_ends_it_instead_of_a_blind_loop(broker: Broker, prefix: str) -> None:
    keeper = Reconnector(opener(broker.url.replace("guest:guest", "guest:wrong"), prefix), backoff=QUICK)
    task = asyncio.create_task(keeper.run())
    with pytest.raises(ConnectFailed, match="password"):
        await keeper.ready(20)
    with pytest.raises(ConnectFailed, match="password"):
        await task
    with pytest.raises(ConnectFailed, match="password"):
        await keeper.ready(20)


async def test_a_queue_with_other_arguments_ends_it_too(broker: Broker, prefix: str) -> None:
    connection = await Connection.open(broker.url)
    await (await connection.channel()).declare_queue(prefix, arguments={"x-max-length": 5})
    keeper = Reconnector(opener(broker.url, prefix), backoff=QUICK)
    with pytest.raises(InequivalentArguments):
        await asyncio.wait_for(keeper.run(), 20)
    await connection.close()
    await delete(broker.url, prefix)


async def test_a_missing_vhost_is_told_by_its_name(broker: Broker) -> None:
    with pytest.raises(ConnectFailed, match="'no-such-vhost'") as caught:
        await Connection.open(broker.url.rstrip("/") + "/no-such-vhost")
    assert caught.value.fatal


async def test_each_failed_attempt_is_followed_by_another_and_pauses_start_anew_after_a_long_life() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.hear_goodbye()

    attempts: list[int] = []
    url = ""

    async def connect() -> Connection:
        attempts.append(1)
        if len(attempts) < 4:
            raise ConnectFailed("not yet")
        return await Connection.open(url)

    async with Peer.running(script) as peer:
        url = peer.url
        keeper: Reconnector[Connection] = Reconnector(connect, backoff=QUICK)
        task = asyncio.create_task(keeper.run())
        connection = await keeper.ready(10)
        assert len(attempts) == 4
        await finish(task)
        assert await connection.closed is None


async def test_many_waiters_all_get_the_connection() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.hear_goodbye()

    async with Peer.running(script) as peer:
        keeper = Reconnector(lambda: Connection.open(peer.url), backoff=QUICK)
        waiting = [asyncio.create_task(keeper.ready(10)) for _ in range(10)]
        task = asyncio.create_task(keeper.run())
        connections = await asyncio.gather(*waiting)
        assert len(set(map(id, connections))) == 1
        await finish(task)
    with pytest.raises(ConnectionLost):
        await keeper.ready(10)
