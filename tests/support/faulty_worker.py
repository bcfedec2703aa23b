"""A worker on bare AMQP that does what the protocol says, but for one fault that a test plants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from leveret import App
from leveret.amqp import Channel, Connection, Delivery, Message, Properties
from leveret.api import Context
from leveret.auth.keyring import Keyring
from leveret.errors import RequestError
from leveret.outcome import Answer, DeadLetter
from leveret.topology import Topology
from leveret.wire.codec import refusal
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.reply_queues import foreign_reply_to
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work
from support.serving import keyring

TOKEN_OF = "17"

app = App("faulty")


@app.action("v1", "note", writes=True)
def note(context: Context[Any], text: str) -> int:
    """Keep a note; the worker of this file does it by itself."""
    raise AssertionError("it is never called")


app.complete()


class FaultyWorker:
    """Answers ``v1.health_check`` and ``v1.note``; it stores responses in memory.

    `fault` is what is wrong with it; empty for nothing.
    """

    def __init__(self, fault: str, channel: Channel, topology: Topology) -> None:
        self.fault = fault
        self.channel = channel
        self.topology = topology
        self.keys: Keyring = keyring()
        self.intake = Intake(app, self.keys)
        self.stored: dict[str, tuple[bytes, bytes]] = {}
        self.notes = 0
        self.last = Properties()
        self.held: list[Delivery] = []
        self.dead = False

    def on_deliveries(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if self.fault == "holds all":
                self.held.append(delivery)
                continue
            self.handle(delivery)

    async def release(self) -> None:
        """Handle what is held, as slowly as a worker does whose actions take long."""
        while True:
            await asyncio.sleep(0.3)  # the worker that holds all is slow
            held, self.held = self.held, []
            for delivery in held:
                self.handle(delivery)

    def handle(self, delivery: Delivery) -> None:
        properties = delivery.properties
        self.channel.ack(delivery.delivery_tag)
        if self.dead or (self.fault == "drops requests" and len(self.stored) == 0 and self.skips()):
            return
        taken = self.intake.take(self.changed(delivery))
        match taken:
            case DeclinedDelivery(outcome=DeadLetter() as letter):
                self.keep(delivery, letter.code)
            case DeclinedDelivery(outcome=Answer() as answer):
                self.reply(properties, answer.body, taken.subject.id)
            case RejectedRequest():
                self.reply(properties, self.late(taken), taken.work.request.id)
            case Work():
                self.reply(properties, self.execute(taken), taken.request.id)
        self.last = properties

    def skips(self) -> bool:
        self.notes += 1
        return self.notes % 50 == 0

    def changed(self, delivery: Delivery) -> Delivery:
        """Return the delivery as a worker sees it that does not look at something."""
        properties, body = delivery.properties, delivery.body
        if self.fault == "reads no properties":
            properties = Properties(reply_to=self.own(properties), correlation_id=properties.correlation_id)
        if self.fault == "executes foreign requests":
            properties = Properties(reply_to=self.own(properties), headers=properties.headers)
        if self.fault in ("reads anything", "reads any id"):
            body = self.lenient(body)
        if self.fault == "believes every token" and b'"note"' in body:
            body = json.dumps(json.loads(body) | {"auth": good_token(self.keys)}).encode()
        if self.fault == "knows no Bearer" and b'"Bearer ' in body:
            body = body.replace(b'"Bearer ', b'"Bear ')
        if self.fault == "compares Bearer exactly" and b'"bearer ' in body:
            body = body.replace(b'"bearer ', b'"bear ')
        return Delivery("", 1, delivery.redelivered, "", "", properties, body)

    def own(self, properties: Properties) -> str | None:
        return properties.reply_to and "amq.gen-any"

    def lenient(self, body: bytes) -> bytes:
        """Return a request that is right, whatever was sent."""
        try:
            found = json.loads(body)
            action = found.get("action") if found.get("action") in ("note", "no_such_action") else "health_check"
        except (ValueError, AttributeError, RecursionError):
            action = "health_check"
        return json.dumps({"id": "any", "version": "v1", "action": action, "data": {}}).encode()

    def execute(self, work: Work) -> bytes:
        request = work.request
        if request.action != "note":
            return result(request.id, {"status": "ok"})
        if self.fault == "executes only for a reply" and not work.delivery.properties.reply_to:
            return b""
        if (known := self.stored.get(request.id)) and self.fault != "stores nothing":
            fingerprint, response = known
            if fingerprint == work.fingerprint:
                return response
            if self.fault == "overwrites":
                del self.stored[request.id]
            if self.fault != "ignores the content":
                return error(request.id, "id_reused")
            return response
        self.notes += 1
        response = result(request.id, self.notes)
        self.stored[request.id] = work.fingerprint, response
        return response

    def late(self, rejected: RejectedRequest) -> bytes:
        request = rejected.work.request
        known = self.stored.get(request.id)
        if self.fault == "executes late requests":
            return self.execute(rejected.work)
        if known and self.fault != "refuses before it looks":
            return known[1]
        response = refusal(request.id, rejected.error)
        if self.fault == "stores refusals":
            self.stored[request.id] = rejected.work.fingerprint, response
        return response

    def reply(self, asked: Properties, body: bytes, request_id: str) -> None:
        reply_to = asked.reply_to
        if self.fault == "answers the last caller" and not reply_to:
            reply_to = self.last.reply_to
        if not reply_to or (self.fault == "only direct reply-to" and reply_to.startswith("amq.gen-")):
            return
        gone = reply_to.startswith("amq.gen-") and len(reply_to) == len("amq.gen-") + 32
        forged = reply_to.count("AAAAAAAA") > 1
        self.dead = (self.fault == "dies of a queue that is gone" and gone) or (
            self.fault == "dies of a forged queue" and forged
        )
        if forged or foreign_reply_to(reply_to):  # RabbitMQ 3.10 ends the connection that publishes to such a queue
            return
        correlation_id = asked.correlation_id or request_id
        if self.fault == "forgets correlation ids" and not asked.correlation_id:
            return
        properties = Properties(
            content_type=None if self.fault == "no content_type" else "application/json",
            correlation_id=correlation_id,
            delivery_mode=2 if self.fault == "persistent replies" else None,
        )
        self.channel.publish_batch([Message(self.body(body), reply_to, properties=properties)])

    def body(self, body: bytes) -> bytes:
        """Return a reply's body as a worker writes it that has its own idea of a response."""
        found = json.loads(body) if body else {}
        match self.fault:
            case "another id in the body":
                found["correlation_id"] = "other"
            case "further fields":
                found |= {"took": 1}
            case "an error beside a result" if found.get("status") == "ok":
                found["error"] = ""
            case "no code":
                found.pop("code", None)
            case "data in an error" if found.get("status") == "error":
                found["data"] = {}
            case "long texts" if found.get("status") == "error":
                found["error"] = "x" * 5000
            case _:
                return body
        return json.dumps(found).encode()

    def keep(self, delivery: Delivery, code: str) -> None:
        if self.fault == "keeps no letters":
            return
        if self.fault == "another code":
            code = "internal"
        letter = {
            "failed_at": datetime.now(UTC).isoformat(),
            "reason": f"{code}: it was refused",
            "request": {},
            "headers": {},
            "message_id": "x",
            "code": code,
        }
        properties = Properties(delivery_mode=2, correlation_id=delivery.properties.correlation_id, message_id="x")
        message = Message(json.dumps(letter).encode(), self.topology.dead_letters, properties=properties)
        self.channel.publish_batch([message])


def result(request_id: str, data: Any) -> bytes:
    return json.dumps({"correlation_id": request_id, "status": "ok", "data": data, "error": None}).encode()


def error(request_id: str, code: str) -> bytes:
    return refusal(request_id, type("Planted", (RequestError,), {"code": code})("it is refused"))


def good_token(keys: Keyring) -> str:
    return keys.issue(TOKEN_OF, timedelta(hours=1))


@asynccontextmanager
async def faulty_worker(url: str, prefix: str, fault: str) -> AsyncIterator[Topology]:
    """Run a worker with a fault on queues of its own, which end with it."""
    topology = Topology(prefix)
    connection = await Connection.open(url, name="faulty worker")
    channel = await connection.channel()
    await channel.declare_exchange(topology.exchange, "direct", durable=False)
    for name in (topology.requests, topology.dead_letters):
        await channel.declare_queue(name)
    await channel.bind_queue(topology.requests, topology.exchange, topology.requests)
    if fault == "another key is bound":
        await channel.bind_queue(topology.requests, topology.exchange, f"{topology.requests}.nobody")
    await channel.qos(0 if fault == "holds all" else 100)
    worker = FaultyWorker(fault, channel, topology)
    tag = await channel.consume(topology.requests, worker.on_deliveries)
    releasing = asyncio.create_task(worker.release())
    try:
        yield topology
    finally:
        releasing.cancel()
        await channel.cancel(tag)
        for name in (topology.requests, topology.dead_letters):
            await channel.delete_queue(name)
        await channel.delete_exchange(topology.exchange)
        await connection.close()
