"""The broker's side of a script: queues of its own, and a worker that does what the script says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from leveret.amqp import AmqpError, Channel, Connection, Delivery, Properties, Refused
from leveret.contracts.conformance.scripts import Act, Script
from leveret.contracts.conformance.talk import body_of
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from leveret.wire.envelope import CONTENT_TYPE
from leveret.wire.messages import any_message

_FULL: Final[dict[str, Any]] = {"x-max-length": 1, "x-overflow": "reject-publish"}
_MOST_FILLERS: Final = 10


class Stage:
    """Plays the worker for a client program. Its queues belong to its connection, and end with it.

    Args:
        channel: with confirms.
        topology: names of the exchange and the queue.
        cut: drops the client's connections.

    Attributes:
        requests: what has come since the last script began.
    """

    def __init__(self, channel: Channel, topology: Topology, cut: Callable[[], None]) -> None:
        self.requests: list[Delivery] = []
        self._channel = channel
        self._topology = topology
        self._cut = cut
        self._acts: Sequence[Sequence[Act]] = ()
        self._routed = ""

    async def begin(self, script: Script) -> None:
        """Do from now on what a script says."""
        self.requests.clear()
        self._acts = script.requests
        queues = {"takes": self._topology.requests, "returns": "", "refuses": f"{self._topology.requests}.full"}
        await self._route(queues[script.broker])

    async def _route(self, queue: str) -> None:
        """Let requests go to this queue and to no other one."""
        exchange, key = self._topology.exchange, self._topology.requests
        if queue != self._routed and self._routed:
            await self._channel.unbind_queue(self._routed, exchange, key)
        if queue != self._routed and queue:
            await self._channel.bind_queue(queue, exchange, key)
        self._routed = queue

    async def set(self) -> None:
        """Declare exchange and queues, and fill the one that refuses requests."""
        requests = self._topology.requests
        await self._channel.declare_exchange(self._topology.exchange, "direct", durable=False)
        await self._channel.declare_queue(requests, durable=False, exclusive=True)
        full = f"{requests}.full"
        await self._channel.declare_queue(full, durable=False, exclusive=True, arguments=_FULL)
        with suppress(Refused):
            for _ in range(_MOST_FILLERS):
                await self._channel.publish(any_message(b"filler", full, "", Properties()))
        await self._channel.consume(requests, self._on_requests)

    def _on_requests(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            self.requests.append(delivery)
            self._channel.ack(delivery.delivery_tag)
            at = len(self.requests) - 1
            for act in self._acts[at] if at < len(self._acts) else ():
                self._do(act, delivery)

    def _do(self, act: Act, delivery: Delivery) -> None:
        if act.act == "cut":
            self._cut()
            return
        asked = self.requests[act.to - 1] if act.to else delivery
        properties = Properties(
            content_type=CONTENT_TYPE, correlation_id=act.correlation_id or asked.properties.correlation_id
        )
        reply_to = asked.properties.reply_to
        if reply_to:
            self._channel.publish_batch([any_message(_reply(act, asked), reply_to, "", properties, mandatory=False)])


def _reply(act: Act, asked: Delivery) -> bytes:
    """Return the body of a reply: a result with the request's data, unless the act says otherwise."""
    if act.raw:
        return act.raw.encode()
    request = body_of(asked)
    usual = {"correlation_id": request.get("id"), "status": "ok", "data": request.get("data"), "error": None}
    return encode_json(
        usual | {name: request.get("auth") if value == "$auth" else value for name, value in act.fields.items()}
    )


@asynccontextmanager
async def staged(url: str, topology: Topology, cut: Callable[[], None]) -> AsyncIterator[Stage]:
    """Set a stage, and remove it at the end.

    Raises:
        AmqpError: there is no connection, or this user may not declare the queues.
    """
    connection = await Connection.open(url, name="leveret conformance")
    try:
        channel = await connection.channel(confirms=True)
        stage = Stage(channel, topology, cut)
        await stage.set()
        try:
            yield stage
        finally:
            with suppress(AmqpError):
                await channel.delete_exchange(topology.exchange)
    finally:
        await connection.close()
