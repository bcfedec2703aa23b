"""A client on our driver that does what the protocol says, but for one fault that a test plants."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from leveret.amqp import AmqpError, Channel, Connection, Delivery, Message, Properties, Refused, Unroutable
from leveret.contracts.conformance.program import ProgramFailed
from leveret.contracts.conformance.scripts import Asked, CallOutcome
from leveret.wire.ids import new_id

REPLY_TO = "amq.rabbitmq.reply-to"
NO_ANSWER = CallOutcome("no_answer")

PROPERTIES: dict[str, dict[str, Any]] = {
    "not persistent": {"delivery_mode": 1},
    "another correlation_id": {"correlation_id": "mine"},
    "no content_type": {"content_type": None},
    "packed": {"content_encoding": "gzip"},
    "a priority": {"priority": 9},
    "a retry count": {"headers": {"x-retry-count": 1}},
    "a deadline that is a text": {"headers": {"x-deadline": "soon"}},
}
"""Faults in the properties of requests."""


class FaultyClient:
    """A program for `check_client` in this process."""

    def __init__(self, fault: str, url: str, queues: str) -> None:
        self.fault = fault
        self.url = url
        self.queues = queues
        self.replies: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self.connection: Connection | None = None
        self.channel: Channel | None = None

    async def start(self) -> None:
        await self.connect()

    async def connect(self) -> Channel:
        self.connection = await Connection.open(self.url, name="faulty client")
        self.channel = await self.connection.channel(confirms=self.fault != "no confirms")
        self.channel.closed.add_done_callback(lambda _: self.replies.put_nowait(None))
        queue = REPLY_TO
        if self.fault == "a reply queue of its own name":
            queue = (await self.channel.declare_queue(f"{self.queues}.mine", durable=False, exclusive=True)).name
        await self.channel.consume(queue, lambda found: [self.replies.put_nowait(each) for each in found], no_ack=True)  # type: ignore[arg-type,func-returns-value]  # what it returns is not used
        return self.channel

    async def call(self, asked: Asked) -> CallOutcome:
        request: dict[str, Any] = {
            "id": asked.id or new_id(),
            "version": asked.version,
            "action": asked.action,
            "data": asked.data,
        }
        request["auth"] = "" if self.fault == "no token" else asked.auth
        if self.fault == "one id for all" or (self.fault == "an id of its own" and asked.id):
            request["id"] = "always" if self.fault == "one id for all" else new_id()
        found: CallOutcome = NO_ANSWER
        for attempt in range(100):
            try:
                async with asyncio.timeout(asked.timeout):
                    found = await self.attempt(request)
                if self.fault == "asks again after an error" and found.outcome == "error":
                    continue
                break
            except TimeoutError:
                break
            except AmqpError:
                if self.fault == "never asks again" or (self.fault == "asks again once" and attempt):
                    break
                if self.fault == "a new id for each attempt":
                    request["id"] = new_id()
                if self.fault == "another content":
                    request["data"] = {}
                await asyncio.sleep(0)
                await self.connect()
        return CallOutcome(found.outcome, "" if self.fault == "no id" else request["id"], *list_of(found))

    async def attempt(self, request: dict[str, Any]) -> CallOutcome:
        channel = self.channel if self.channel is not None and self.channel.is_open else await self.connect()
        mine = f"{self.queues}.mine" if self.fault == "a reply queue of its own name" else REPLY_TO
        usual: dict[str, Any] = {
            "correlation_id": request["id"],
            "reply_to": mine,
            "delivery_mode": 2,
            "content_type": "application/json",
        }
        body = json.dumps(request).encode()
        if self.fault == "a body with a name twice":
            body = body[:-1] + b', "version": "v1"}'
        mandatory = self.fault not in ("not mandatory", "no confirms")
        properties = Properties(**(usual | PROPERTIES.get(self.fault, {})))
        message = Message(body, f"{self.queues}.requests", f"{self.queues}.direct", properties, mandatory)
        try:
            await channel.publish(message)
        except Unroutable:
            return CallOutcome("not_sent")
        except Refused:
            return CallOutcome("error", code="overloaded")
        return await self.reply(request)

    async def reply(self, request: dict[str, Any]) -> CallOutcome:
        while True:
            delivery = await self.replies.get()
            if delivery is None:
                if self.channel is None or not self.channel.is_open:
                    self.channel = None
                    raise Lost("the connection was cut")
                continue
            mine = delivery.properties.correlation_id in (request["id"], "mine")
            if mine or self.fault == "takes any reply":
                return self.read(delivery.body)

    def read(self, body: bytes) -> CallOutcome:
        try:
            reply = json.loads(body)
        except ValueError:
            if self.fault == "dies of a reply":
                raise ProgramFailed("the program has ended with exit code 1") from None
            return NO_ANSWER
        if self.fault == "strict about fields" and len(reply) > 4:
            return NO_ANSWER
        if reply["status"] == "ok":
            return CallOutcome("result", data=str(reply["data"]) if self.fault == "changes data" else reply["data"])
        code = "internal" if self.fault == "knows no other codes" and reply["code"] == "teapot" else reply["code"]
        details = None if self.fault == "no details" else reply.get("details")
        text = "" if self.fault == "no text" else reply["error"]
        return CallOutcome("error", code=code, error=text, details=details)

    async def end(self) -> str:
        await self.kill()
        return "exit code 1" if self.fault == "ends badly" else "exit code 0"

    async def kill(self) -> None:
        if self.connection is not None:
            await self.connection.close()


class Lost(AmqpError):
    """The connection was lost while the client waited."""


def list_of(found: CallOutcome) -> tuple[Any, str | None, str | None, dict[str, Any] | None]:
    return found.data, found.code, found.error, found.details
