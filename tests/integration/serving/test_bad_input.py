"""Bad input gets an answer where somebody waits, otherwise a dead letter; nothing else is touched."""

import json
import logging
from typing import Any

import pytest

from support.bad_requests import BODIES, GOOD, PROPERTIES
from support.serving import Caller, Serve
from warren.topology import Topology


async def test_every_bad_request_is_answered_with_its_code_and_the_good_ones_between_are_served(
    serve: Serve, topology: Topology, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "warren.worker")
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
async def test_forged_headers_are_refused(
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
