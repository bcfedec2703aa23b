"""A policy of the broker limits the bytes of waiting requests, beside the arguments that we declare."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

from leveret.amqp import Refused
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from support.bad_requests import GOOD
from support.notes import note_api
from support.serving import LIMIT, Caller, calling, serving

DOCS: Final = Path(__file__).parents[3] / "docs" / "operations.md"
POLICY: Final = re.compile(
    r"^rabbitmqctl set_policy requests '(.+)' '(\{.*max-length-bytes.*\})' --apply-to queues$", re.MULTILINE
)

BYTES: Final = 1024 * 1024
BODY: Final = 100_000
ROOM: Final = BYTES // BODY + 1
"""Requests that are taken at most: one may stand over the limit."""


def documented() -> tuple[str, dict[str, Any]]:
    """The pattern and the definition of the policy that the page on operations gives."""
    ((pattern, definition),) = POLICY.findall(DOCS.read_text(encoding="utf-8"))
    return pattern, json.loads(definition)


def limit_bytes(broker: DevBroker, topology: Topology, definition: dict[str, Any]) -> None:
    pattern = documented()[0].replace("api", topology.prefix)
    broker.control("set_policy", "requests", pattern, json.dumps(definition), "--apply-to", "queues")


async def send(caller: Caller, token: str, name: str) -> None:
    await caller.send(GOOD | {"id": name, "auth": token, "data": {"padding": "x" * BODY}})


async def fill(caller: Caller, token: str, kind: str) -> list[str]:
    """Publish until the broker refuses; returns the ids of what it took."""
    taken: list[str] = []
    while len(taken) < 10 * ROOM:
        name = f"{kind}-{len(taken)}"
        try:
            await send(caller, token, name)
        except Refused:
            return taken
        taken.append(name)
    raise AssertionError("the queue has no limit")


async def answered(caller: Caller, count: int) -> dict[str, str]:
    replies = [await caller.reply() for _ in range(count)]
    return {reply["correlation_id"]: reply["status"] for reply in replies}


async def test_the_documented_policy_limits_the_bytes_that_wait_and_loses_nothing(
    lent_broker: DevBroker, topology: Topology, database: str, token: str
) -> None:
    definition = documented()[1] | {"max-length-bytes": BYTES}
    async with calling(lent_broker.url, topology) as caller:
        limit_bytes(lent_broker, topology, definition)
        taken = await fill(caller, token, "early")  # a policy reaches the queue a moment after it is set
        async with serving(note_api(), lent_broker.url, topology, database):  # which declares the queue again
            assert await answered(caller, len(taken)) == dict.fromkeys(taken, "ok")
        taken = await fill(caller, token, "late")
        assert len(taken) <= ROOM
        async with serving(note_api(), lent_broker.url, topology, database):
            assert await answered(caller, len(taken)) == dict.fromkeys(taken, "ok")
            async with asyncio.timeout(LIMIT):
                await send_when_there_is_room(caller, token, "again")
            assert (await caller.reply())["correlation_id"] == "again"
        assert await caller.channel.get(topology.dead_letters) is None


async def send_when_there_is_room(caller: Caller, token: str, name: str) -> None:
    while True:
        try:
            return await send(caller, token, name)
        except Refused:
            await asyncio.sleep(0.01)


async def test_a_policy_with_another_overflow_wins_over_ours_and_gives_up_accepted_requests(
    lent_broker: DevBroker, topology: Topology, token: str
) -> None:
    """So the page says which one belongs into the policy."""
    assert documented()[1]["overflow"] == topology.queues[0].arguments["x-overflow"] == "reject-publish"
    async with calling(lent_broker.url, topology) as caller:
        limit_bytes(lent_broker, topology, {"max-length-bytes": BYTES, "overflow": "drop-head"})
        for number in range(4 * ROOM):
            await send(caller, token, f"n{number}")
        (oldest,) = await caller.letters(1)
    assert json.loads(oldest.body)["id"] == "n0"
