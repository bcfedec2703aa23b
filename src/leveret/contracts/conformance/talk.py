"""A caller on bare AMQP: it sends any message, and keeps every reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from leveret.amqp import Channel, Connection, Delivery, Properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from leveret.wire.envelope import CONTENT_TYPE
from leveret.wire.ids import new_id
from leveret.wire.messages import any_message

NO_REPLY: Final = "no reply"
"""What is seen where a reply should have come."""


class WorkersUnderTest(Struct, frozen=True):
    """The workers under test, and what may be asked of them.

    Attributes:
        url: address of the broker.
        topology: names at the broker.
        action: name of an action that anybody may call, with an empty input and without an effect.
        version: its version.
        limit: seconds after which a reply counts as missing.
        prefetch: requests that one worker process may hold.
        writing: name of an action that has an effect, in the same version; empty if there is none to call.
        data: its input; ``$n`` in a text stands for something new each time.
        token: with which it is called; empty for none.
    """

    url: str
    topology: Topology
    action: str = "health_check"
    version: str = "v1"
    limit: float = 10.0
    prefetch: int = 200
    writing: str = ""
    data: dict[str, Any] = {}
    token: str = ""

    def request(self, request_id: str, **fields: Any) -> bytes:
        """Return the body of a request for the action without an effect."""
        asked = {"id": request_id, "version": self.version, "action": self.action, "data": {}, "auth": ""}
        return encode_json(asked | fields)

    def write(self, request_id: str, number: int | str, **fields: Any) -> bytes:
        """Return the body of a request for the action with an effect, in which ``$n`` is the number."""
        data = msgspec.json.decode(encode_json(self.data).replace(b"$n", str(number).encode()))
        asked = {"action": self.writing, "data": data, "auth": self.token}
        return self.request(request_id, **(asked | fields))


class Talk:
    """A channel on which requests are published, and on which replies come by direct reply-to.

    Attributes:
        worker: the workers that it talks to.
        connection: its connection.
        channel: its channel.
        unknown: replies that nobody waited for.
    """

    def __init__(self, worker: WorkersUnderTest, connection: Connection, channel: Channel) -> None:
        self.worker = worker
        self.connection = connection
        self.channel = channel
        self.unknown: list[Delivery] = []
        self._waiting: dict[str, asyncio.Future[Delivery]] = {}

    def on_replies(self, deliveries: list[Delivery]) -> None:
        """Take replies from the broker."""
        for delivery in deliveries:
            waiter = self._waiting.pop(delivery.properties.correlation_id or "", None)
            if waiter is None or waiter.done():
                self.unknown.append(delivery)
            else:
                waiter.set_result(delivery)

    def expect(self, correlation_id: str) -> asyncio.Future[Delivery]:
        """Return the future of the reply with a correlation_id."""
        found = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        return found

    async def send(self, body: bytes, properties: Properties) -> None:
        """Publish a request; return when the broker has it.

        Raises:
            Unroutable, Refused, ConnectionLost, ChannelClosed, AmqpTimeout: see `leveret.amqp.Channel.publish`.
        """
        topology = self.worker.topology
        await self.channel.publish(any_message(body, topology.requests, topology.exchange, properties))

    async def ask(self, body: bytes, **properties: Any) -> Delivery | None:
        """Send a request as it should be, except for some properties, and return the reply; None if none comes."""
        usual = usual_properties(str(properties.pop("correlation_id", new_id())), **properties)
        replied = self.expect(str(usual.correlation_id))
        await self.send(body, usual)
        (found,) = await self.gather([replied])
        return found

    async def gather(self, replies: Iterable[asyncio.Future[Delivery]]) -> list[Delivery | None]:
        """Wait for replies until the limit; return each, or None where it has not come."""
        waiting = list(replies)
        if waiting:
            await asyncio.wait(waiting, timeout=self.worker.limit)
        return [each.result() if each.done() else None for each in waiting]


def usual_properties(correlation_id: str, **other: Any) -> Properties:
    """Return the properties of a request as they should be, except for some."""
    usual: dict[str, Any] = {
        "correlation_id": correlation_id,
        "reply_to": DIRECT_REPLY_TO,
        "content_type": CONTENT_TYPE,
        "delivery_mode": 2,
    }
    return Properties(**(usual | other))


def body_of(reply: Delivery | None) -> dict[str, Any]:
    """Return the object in a reply; an empty one if there is none."""
    try:
        found = msgspec.json.decode(reply.body) if reply is not None else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def verdict_of(reply: Delivery | None) -> str:
    """Return in words what a reply says: ``accepted``, or ``refused, invalid_request``."""
    if reply is None:
        return NO_REPLY
    body = body_of(reply)
    match body.get("status"):
        case "ok":
            return "accepted"
        case "error":
            return f"refused, {body.get('code')}"
    return f"not a response: {reply.body[:100]!r}"


@asynccontextmanager
async def talking(worker: WorkersUnderTest) -> AsyncIterator[Talk]:
    """Connect, and close the connection at the end.

    Raises:
        AmqpError: there is no connection.
    """
    connection = await Connection.open(worker.url, name="leveret conformance")
    try:
        talk = Talk(worker, connection, await connection.channel(confirms=True))
        await talk.channel.consume(DIRECT_REPLY_TO, talk.on_replies, no_ack=True)
        yield talk
    finally:
        await connection.close()
