"""A worker that must not publish any more goes on when it may again, and nothing is lost meanwhile."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from leveret.broker.users import NOTHING, Permissions, worker_permissions
from leveret.topology import Topology
from support.broker_users import Operator
from support.serving import Caller, Serve, calling, into, keyring, lines, until

TOKEN = keyring().issue("alice", timedelta(hours=1))


@pytest.fixture
async def caller(operator: Operator, topology: Topology) -> AsyncIterator[Caller]:
    """Everything is declared; somebody with all permissions calls, with a reply queue of its own."""
    async with calling(operator.url, topology, remove_after=False) as caller:
        yield caller


@pytest.fixture
async def reply_queue(caller: Caller) -> str:
    name = (await caller.channel.declare_queue("", exclusive=True)).name
    await caller.channel.consume(name, into(caller.replies), no_ack=True)
    return name


def permit(operator: Operator, topology: Topology, permissions: Permissions) -> None:
    operator.management.permit(f"{topology.prefix}-worker", operator.amqp.vhost, permissions)


def write(request: str, then: str = "") -> dict[str, object]:
    data = {"text": request, "then": then}
    return {"id": request, "version": "v1", "action": "write", "auth": TOKEN, "data": data}


WITHOUT: dict[str, Callable[[Permissions], Permissions]] = {
    "the default exchange": lambda may: replace(may, write=may.write.replace(r"amq\.default|", "")),
    "all writing": lambda may: replace(may, write=NOTHING),
    "everything": lambda _: Permissions(NOTHING, NOTHING, NOTHING),
}


@pytest.mark.parametrize("taken_away", WITHOUT)
async def test_a_permission_that_is_taken_away_and_given_back_costs_no_worker_and_no_effect(
    operator: Operator,
    topology: Topology,
    caller: Caller,
    reply_queue: str,
    users: tuple[str, str],
    serve_as: Serve,
    caplog: pytest.LogCaptureFixture,
    taken_away: str,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve_as(url=users[1]):
        permit(operator, topology, WITHOUT[taken_away](worker_permissions(topology)))
        await caller.send(write("first"), reply_to=reply_queue)
        await until(lambda: told("next try", caplog) >= 3, "pauses")
        permit(operator, topology, worker_permissions(topology))
        assert (await caller.reply())["data"] == {"id": 1, "text": "first"}
        count = await caller.ask({**write("count"), "action": "count", "data": {}}, reply_to=reply_queue)
    assert count["data"] == 1
    await caller.nothing_waits()
    (line,) = [line for line in lines(caplog.records) if "'amq.default'" in line][:1]
    assert line.startswith("lost the broker: this worker may not publish: channel closed: ACCESS_REFUSED - ")
    assert "Give its user write permission on that exchange" in line


async def test_a_retry_that_must_not_be_published_costs_no_attempt(
    operator: Operator,
    topology: Topology,
    caller: Caller,
    users: tuple[str, str],
    serve_as: Serve,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_as(url=users[1]):
        permit(operator, topology, WITHOUT["the default exchange"](worker_permissions(topology)))
        await caller.send(write("first", "after:temporary"), reply_to=None)
        await until(lambda: told("next try", caplog) >= 3, "pauses")
        permit(operator, topology, worker_permissions(topology))
        (letter,) = await caller.letters(1)
    assert letter.properties.correlation_id == "first"
    assert len(json.loads(letter.body)["attempts"]) == 4
    await caller.nothing_waits()
    assert await caller.channel.get(topology.dead_letters) is None


async def test_a_new_direct_reply_queue_is_not_taken_for_a_forgers(
    operator: Operator,
    topology: Topology,
    caller: Caller,
    users: tuple[str, str],
    serve_as: Serve,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_as(url=users[1]):
        permit(operator, topology, WITHOUT["the default exchange"](worker_permissions(topology)))
        await caller.send(write("first"))
        await until(lambda: told("next try", caplog) >= 3, "pauses")
        permit(operator, topology, worker_permissions(topology))
        assert (await caller.reply())["data"] == {"id": 1, "text": "first"}
    assert not told("no reply to", caplog)


def told(words: str, caplog: pytest.LogCaptureFixture) -> int:
    return len([line for line in lines(caplog.records) if words in line])
