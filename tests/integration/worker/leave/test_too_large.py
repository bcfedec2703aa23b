"""A message that is larger than the broker takes (`max_message_size`) costs only its own request."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from leveret.api import Api, Context
from leveret.errors import TemporaryError
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.notes import note_api
from support.serving import Broker, calling, serving

from .conftest import PrivateSystem

LARGEST = 64 * 1024
NAME = base64.b64encode(b"\x83 no process").decode()
OPTIONS = WorkerOptions(name="test", largest_response=64 * 1024 * 1024)


def large_api() -> Api:
    """Actions that answer, or fail with, more than a broker takes."""
    api = note_api()

    @api.action("v1", "answer")
    def answer(context: Context) -> str:
        return "x" * int(context.request.data["size"])

    @api.action("v1", "fail")
    def fail(context: Context) -> str:
        raise TemporaryError("not now")

    return api


@pytest.fixture
async def system(system: PrivateSystem) -> PrivateSystem:
    """A system whose broker takes small messages only.

    Before 4.0 the limit holds for channels that are opened afterwards, which the caller's channel is not.
    """
    # From 4.0 on the broker reads the setting only at its start, and keeps it elsewhere.
    kept = f"persistent_term:put(max_message_size, {LARGEST})"
    limit = f"application:set_env(rabbit, max_message_size, {LARGEST}), {kept}."
    await asyncio.to_thread(system.broker.control, "eval", limit)
    return system


def request(request_id: str, token: str, action: str, **data: Any) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": token}


def largest(wanted: dict[str, Any]) -> dict[str, Any]:
    """Fill a request until the broker just takes it: with the ticket of a retry, or as a letter, it is larger."""
    room = LARGEST - len(json.dumps(wanted | {"data": {"text": ""}}))
    return wanted | {"data": {"text": "x" * room}}


async def test_a_reply_that_the_broker_does_not_take_becomes_one_that_says_so(
    system: PrivateSystem,
    lost: Callable[[], list[str]],
) -> None:
    sizes = [10, LARGEST, 20, 3 * LARGEST, 30]
    async with system.serving(large_api(), options=OPTIONS):
        for turn in range(2):  # a new reply queue, and then one that is known
            for size in sizes:
                await system.caller.send(request(f"r{turn}-{size}", system.token, "answer", size=size))
            found = {reply["correlation_id"]: reply for reply in [await system.caller.reply() for _ in sizes]}
            for size in sizes:
                reply = found[f"r{turn}-{size}"]
                if size < LARGEST:
                    assert reply["data"] == "x" * size
                else:
                    assert reply["code"] == "internal"
                    assert str(size)[:2] in reply["error"]
    assert not lost()
    assert await system.caller.channel.get(system.topology.requests) is None


async def test_a_letter_and_a_retry_that_the_broker_does_not_take_become_a_short_letter(
    system: PrivateSystem,
    lost: Callable[[], list[str]],
) -> None:
    async with system.serving(large_api(), options=OPTIONS):
        for turn in range(2):  # before the broker has said what it takes, and after
            await system.caller.send(b"\x01" * LARGEST, reply_to=None, correlation_id=f"unreadable-{turn}")
            await system.caller.send(largest(request(f"failing-{turn}", system.token, "fail")), reply_to=None)
            assert (await system.caller.ask(request(f"small-{turn}", system.token, "answer", size=1)))["data"] == "x"
            found = {letter.properties.correlation_id: letter.body for letter in await system.caller.letters(2)}
            assert all(len(body) < 1000 for body in found.values())
            failing = json.loads(found[f"failing-{turn}"])
            assert failing["request"] | {"left out": ""} == {
                "id": f"failing-{turn}",
                "version": "v1",
                "action": "fail",
                "left out": "",
            }
            assert failing["reason"].endswith("not now")
            assert failing["redrivable"] is False
            assert json.loads(found[f"unreadable-{turn}"])["request"]["id"] == f"unreadable-{turn}"
    assert not lost()
    assert await system.caller.channel.get(system.topology.requests) is None


async def test_the_reply_that_goes_with_a_letter_in_place_of_a_retry_may_have_a_forged_reply_queue(
    system: PrivateSystem,
    lost: Callable[[], list[str]],
) -> None:
    forged = f"amq.rabbitmq.reply-to.{NAME}.k"
    async with system.serving(large_api(), options=OPTIONS):
        await system.caller.send(largest(request("failing", system.token, "fail")), reply_to=forged)
        await system.caller.letters(1)
        assert (await system.caller.ask(request("small", system.token, "answer", size=1)))["data"] == "x"
    assert not lost()


async def test_a_response_that_a_broker_takes_or_not_by_default_ends_no_session(
    broker: Broker, topology: Topology, database: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    size = 17_000_000
    async with (
        calling(broker.url, topology) as caller,
        serving(large_api(), broker.url, topology, database, options=OPTIONS),
    ):
        reply = await caller.ask(request("large", token, "answer", size=size))
        from_four = str(caller.connection.server_properties["version"]) >= "4"
        assert reply.get("code") == ("internal" if from_four else None)
        assert (await caller.ask(request("small", token, "answer", size=1)))["data"] == "x"
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]
