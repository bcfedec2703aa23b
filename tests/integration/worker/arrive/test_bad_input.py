"""Bad input gets an answer where somebody waits, otherwise a dead letter; nothing else is touched."""

import asyncio
import base64
import json
import logging
from contextlib import closing
from typing import Any

import pika
import pytest

from leveret.amqp import Delivery
from leveret.topology import Topology
from support.bad_requests import BODIES, GOOD, PROPERTIES, REPLY_QUEUES
from support.serving import Broker, Caller, Serve, into, until
from support.versions import FORGED_REPLY_QUEUES_HARMLESS, version_of


async def test_every_bad_request_is_answered_with_its_code_and_the_good_ones_between_are_served(
    serve: Serve, topology: Topology, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    good = json.dumps(GOOD | {"auth": token}).encode()
    async with serve():
        for number, (body, _) in enumerate(BODIES.values()):
            await caller.send(body, correlation_id=f"bad-{number}")
            await caller.send(good, correlation_id=f"good-{number}")
        replies = [await caller.replies.get() for _ in range(2 * len(BODIES))]
        found = {reply.properties.correlation_id: json.loads(reply.body) for reply in replies}
        assert await caller.channel.get(topology.dead_letters) is None
    for number, (name, (_, code)) in enumerate(BODIES.items()):
        assert found[f"bad-{number}"]["code"] == code, name
        assert found[f"bad-{number}"]["status"] == "error"
        assert found[f"good-{number}"]["status"] == "ok", name
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_every_bad_request_without_reply_to_becomes_a_dead_letter_with_the_reason(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve():
        for number, (body, _) in enumerate(BODIES.values()):
            await caller.send(body, reply_to=None, correlation_id=f"bad-{number}")
        letters = {letter.properties.correlation_id: letter for letter in await caller.letters(len(BODIES))}
        assert (await caller.ask(GOOD | {"auth": token}))["status"] == "ok"
    for number, (name, (_, code)) in enumerate(BODIES.items()):
        letter = json.loads(letters[f"bad-{number}"].body)
        assert letter["reason"].startswith(f"{code}: "), name
        assert letter["failed_at"].endswith("Z")
    assert caller.replies.empty()


@pytest.mark.parametrize("properties", PROPERTIES.values(), ids=PROPERTIES.keys())
async def test_properties_that_are_not_for_callers_are_refused(
    serve: Serve, topology: Topology, caller: Caller, token: str, properties: dict[str, Any]
) -> None:
    async with serve():
        refused = await caller.ask(GOOD | {"auth": token}, **properties)
        assert (refused["code"], refused["status"]) == ("invalid_request", "error")
        assert (await caller.ask(GOOD | {"auth": token}))["status"] == "ok"
        assert await caller.channel.get(topology.dead_letters) is None


async def test_what_is_no_json_lies_in_the_letter_as_text_without_tokens_and_passwords(
    serve: Serve, caller: Caller, token: str
) -> None:
    body = f'{{"auth": "{token}", "data": {{"password": "hunter2"}}, nope'.encode()
    async with serve():
        await caller.send(body, reply_to=None)
        (letter,) = await caller.letters(1)
    assert b"nope" in letter.body
    assert b"hunter2" not in letter.body
    assert token.encode() not in letter.body
    assert json.loads(letter.body)["redrivable"] is False


@pytest.mark.parametrize("reply_to", REPLY_QUEUES.values(), ids=REPLY_QUEUES.keys())
async def test_a_reply_queue_that_the_broker_never_named_is_not_answered_to(
    serve: Serve, caller: Caller, token: str, reply_to: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve():
        await caller.send(GOOD | {"auth": token}, reply_to=reply_to)
        (letter,) = await caller.letters(1)
        assert (await caller.ask(GOOD | {"auth": token}))["status"] == "ok"
    assert "reply_to" in json.loads(letter.body)["reason"]
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]


async def test_a_forged_reply_queue_of_the_right_form_cannot_stop_the_workers(
    serve: Serve, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    forged = base64.b64encode(b"\x83" + b"no process at all").decode()
    async with serve():
        await caller.send(GOOD | {"id": "f1", "auth": token}, reply_to=f"amq.rabbitmq.reply-to.{forged}.k")
        await caller.send(GOOD | {"id": "near", "auth": token})
        if version_of(caller.connection) < FORGED_REPLY_QUEUES_HARMLESS:
            await until(lambda: any(text.startswith("no reply to f1") for text in caplog.messages), "its end")
        for name in ("near", "g1", "g2"):  # who was near may have to ask again
            await caller.send(GOOD | {"id": name, "auth": token})
        wanted = {"near", "g1", "g2"}
        while wanted:
            wanted.discard((await caller.reply())["correlation_id"])
    assert await caller.channel.get(caller.topology.requests) is None
    if version_of(caller.connection) >= FORGED_REPLY_QUEUES_HARMLESS:
        assert not [text for text in caplog.messages if text.startswith("lost the broker")]


@pytest.mark.parametrize("length", [60, 64, 255])
async def test_a_correlation_id_that_is_no_text_costs_nobody_anything(
    serve: Serve, broker: Broker, caller: Caller, token: str, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    """Bytes that are no UTF-8 are read as escapes of four characters, too long to be written again."""
    topology = caller.topology
    replies: asyncio.Queue[Delivery] = asyncio.Queue()
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        queue = await caller.channel.declare_queue("", exclusive=True, durable=False)
        await caller.channel.consume(queue.name, into(replies), no_ack=True)
        properties = pika.BasicProperties(correlation_id=b"\xff" * length, reply_to=queue.name)  # type: ignore[arg-type]
        body = json.dumps(GOOD | {"auth": token})
        for wrong in (body, "{nope"):
            connection.channel().basic_publish(topology.exchange, topology.requests, wrong.encode(), properties)
        async with serve():
            found = {json.loads((await asyncio.wait_for(replies.get(), 20)).body)["status"] for _ in range(2)}
    assert found == {"ok", "error"}
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]
