"""A full `api.requests` refuses callers only: what is retried or put back is never lost."""

import asyncio
import json
import logging
import sqlite3
from pathlib import Path

import msgspec
import pytest

from leveret.amqp import Refused
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from support.notes import note_api
from support.serving import LIMIT, Broker, Caller, calling, quick, serving, until

ROOM = 4


@pytest.fixture
def topology(prefix: str) -> Topology:
    return msgspec.structs.replace(quick(prefix), limit=ROOM)


def write(request_id: str, auth: str, then: str = "") -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x", "then": then}, "auth": auth}


async def fill(caller: Caller, token: str) -> int:
    """Publish until the broker refuses; returns how many it took."""
    for number in range(100):
        try:
            await caller.send(write(f"fill-{number}", token))
        except Refused:
            return number
    raise AssertionError("the queue has no limit")


async def ready(caller: Caller, queue: str) -> int:
    return (await caller.channel.declare_queue(queue, passive=True)).messages


async def test_retried_requests_wait_until_there_is_room_and_none_is_lost(
    lent_broker: DevBroker, topology: Topology, database: str, token: str
) -> None:
    # The broker offers a refused message again after three minutes; here after a second.
    lent_broker.control("eval", "application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 1000).")
    async with calling(lent_broker.url, topology) as caller:
        async with serving(note_api(), lent_broker.url, topology, database):
            for number in range(3):
                await caller.send(write(f"r{number}", token, then="before:temporary"))
            await until_some(caller, topology.retries[0], wait=True)
        filled = await fill(caller, token)
        full = await ready(caller, topology.requests)
        await until_some(caller, topology.retries[0], wait=False)
        assert await ready(caller, topology.requests) == full, "no retried request found room"
        async with serving(note_api(), lent_broker.url, topology, database):
            replies = [await caller.reply() for _ in range(filled + 3)]
        codes = {reply["correlation_id"]: reply.get("code", reply["status"]) for reply in replies}
        assert codes == {f"fill-{n}": "ok" for n in range(filled)} | {f"r{n}": "retries_exhausted" for n in range(3)}
        letters = [json.loads(letter.body)["request"]["id"] for letter in await caller.letters(3)]
        assert sorted(letters) == ["r0", "r1", "r2"]


async def test_a_policy_limits_a_queue_that_was_declared_without_a_limit(
    lent_broker: DevBroker, topology: Topology, token: str
) -> None:
    unlimited = msgspec.structs.replace(topology, limit=None)
    async with calling(lent_broker.url, unlimited) as caller:
        for number in range(2 * ROOM):
            await caller.send(write(f"a{number}", token))
        pattern, most = f"^{topology.requests}$", f'{{"max-length": {ROOM}}}'
        lent_broker.control("set_policy", "length", pattern, most, "--apply-to", "queues")
        assert await fill(caller, token) < ROOM, "a policy reaches the queue a moment after it is set"
        assert await ready(caller, topology.requests) >= 2 * ROOM


async def until_some(caller: Caller, queue: str, *, wait: bool) -> None:
    """Wait until messages wait in a queue, or until none does."""
    async with asyncio.timeout(LIMIT):
        while bool(await ready(caller, queue)) != wait:
            pass


async def until_ready(caller: Caller, queue: str, count: int) -> None:
    """Wait until so many messages wait in a queue; a lane may hold some while others were put back."""
    assert count > ROOM
    async with asyncio.timeout(LIMIT):
        while await ready(caller, queue) != count:
            pass


async def test_what_is_put_back_into_a_full_queue_is_not_lost(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("leveret.sql.engine.LOCK_TIMEOUT", 1.0)
    caplog.set_level(logging.INFO, "leveret.worker")
    locker = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    sent = {f"b{number}" for number in range(3 * ROOM)}
    async with serving(note_api(), broker.url, topology, database):
        locker.execute("BEGIN IMMEDIATE")
        for request_id in sorted(sent):
            await caller.send(write(request_id, token))
        await until(lambda: any(text.startswith("waiting for the database") for text in caplog.messages), "a pause")
        await until_ready(caller, topology.requests, len(sent))  # the limit is for those who publish
        with pytest.raises(Refused):
            await caller.send(write("refused", token))
        locker.execute("ROLLBACK")
        replies = [await caller.reply() for _ in sent]
        assert {reply["correlation_id"] for reply in replies} == sent
        assert {reply["status"] for reply in replies} == {"ok"}
    locker.close()
