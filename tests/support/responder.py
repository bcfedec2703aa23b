"""A stand-in for a worker that answers requests at the level of messages, correctly or as a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from leveret.amqp import Channel, Connection, Delivery, Message, Properties
from leveret.topology import Topology

LIMIT = 20.0
"""Seconds after which a test that waits has failed."""

Answer = Callable[[Delivery], list[Message]]


class Responder:
    """Answers each request of a topology with the messages that a function returns, and acks it.

    Attributes:
        requests: the requests so far.
        answer: the function; a test may change it.
    """

    def __init__(self, channel: Channel, answer: Answer) -> None:
        self.requests: list[Delivery] = []
        self.answer = answer
        self._channel = channel
        self._came = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def came(self, count: int) -> list[Delivery]:
        """Wait until ``count`` requests have come in total, and return all."""
        async with asyncio.timeout(LIMIT), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    def publish(self, *messages: Message) -> None:
        """Send replies now."""
        self._channel.publish_batch(messages)

    def on_requests(self, deliveries: list[Delivery]) -> None:
        """Take requests from the broker."""
        for delivery in deliveries:
            self.requests.append(delivery)
            self.publish(*self.answer(delivery))
            self._channel.ack(delivery.delivery_tag)
        task = asyncio.ensure_future(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._came:
            self._came.notify_all()


@asynccontextmanager
async def responding(url: str, topology: Topology, answer: Answer) -> AsyncIterator[Responder]:
    """Answer the requests of a topology that is declared already."""
    connection = await Connection.open(url, name="responder")
    try:
        channel = await connection.channel()
        responder = Responder(channel, answer)
        await channel.consume(topology.requests, responder.on_requests)
        yield responder
    finally:
        await connection.close()


@asynccontextmanager
async def declared(url: str, topology: Topology) -> AsyncIterator[Topology]:
    """Declare a topology at the broker, and remove it at the end."""
    async with channel_of(url) as channel:
        await topology.declare(channel)
        try:
            yield topology
        finally:
            await remove(channel, topology)


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[Channel]:
    """Open a channel with confirms on a connection of its own."""
    connection = await Connection.open(url, name="test")
    try:
        yield await connection.channel(confirms=True)
    finally:
        await connection.close()


async def remove(channel: Channel, topology: Topology) -> None:
    """Delete the queues and the exchange of a topology."""
    for queue in topology.queues:
        await channel.delete_queue(queue.name)
    await channel.delete_exchange(topology.exchange)


def request_of(delivery: Delivery) -> dict[str, Any]:
    """Return the request's JSON."""
    return dict(json.loads(delivery.body))


def reply_to(delivery: Delivery, correlation_id: str | None = None, **fields: Any) -> Message:
    """Return a reply to a request: an ok with the request's own data, except for the given fields."""
    request = request_of(delivery)
    body = {"correlation_id": request["id"], "status": "ok", "data": request["data"], "error": None, **fields}
    return raw_reply(delivery, json.dumps(body).encode(), correlation_id)


def raw_reply(delivery: Delivery, body: bytes, correlation_id: str | None = None) -> Message:
    """Return a reply with exactly this body."""
    return Message(
        body,
        delivery.properties.reply_to or "",
        properties=Properties(correlation_id=correlation_id or delivery.properties.correlation_id),
    )


def echo(delivery: Delivery) -> list[Message]:
    """Answer with the request's data."""
    return [reply_to(delivery)]


def silent(_delivery: Delivery) -> list[Message]:
    """Return no reply."""
    return []


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition that nothing tells of; the error names it."""
    try:
        async with asyncio.timeout(LIMIT):
            while not condition():  # noqa: ASYNC110 - for what has no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited {LIMIT:g} s in vain for {what}") from None
