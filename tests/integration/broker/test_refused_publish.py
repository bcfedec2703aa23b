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


def write(request: str, then: str = "") -> dict[str, object]:
    data = {"text": request, "then": then}
    return {"id": request, "version": "v1", "action": "write", "auth": TOKEN, "data": data}


WITHOUT: dict[str, Callable[[Permissions], Permissions]] = {
    "the default exchange": lambda may: replace(may, write=may.write.replace(r"amq\.default|", "")),
    "all writing": lambda may: replace(may, write=NOTHING),
    "everything": lambda _: Permissions(NOTHING, NOTHING, NOTHING),
}


class Right:
    """The right of the worker's user to publish, which a test takes away and gives back."""

    def __init__(self, operator: Operator, topology: Topology, caplog: pytest.LogCaptureFixture) -> None:
        self._operator = operator
        self._topology = topology
        self._caplog = caplog

    def take_away(self, name: str = "the default exchange") -> None:
        self._permit(WITHOUT[name](worker_permissions(self._topology)))

    async def give_back_after_three_sessions(self) -> None:
        await until(lambda: self.told("next try") >= 3, "pauses")
        self._permit(worker_permissions(self._topology))

    def told(self, words: str) -> int:
        """How many lines of the log have these words."""
        return len([line for line in lines(self._caplog.records) if words in line])

    def _permit(self, permissions: Permissions) -> None:
        self._operator.management.permit(f"{self._topology.prefix}-worker", self._operator.amqp.vhost, permissions)


@pytest.fixture
def right(operator: Operator, topology: Topology, caplog: pytest.LogCaptureFixture) -> Right:
    return Right(operator, topology, caplog)


@pytest.mark.parametrize("taken_away", WITHOUT)
async def test_a_permission_that_is_taken_away_and_given_back_costs_no_worker_and_no_effect(
    right: Right,
    caller: Caller,
    reply_queue: str,
    users: tuple[str, str],
    serve_as: Serve,
    caplog: pytest.LogCaptureFixture,
    taken_away: str,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve_as(url=users[1]):
        right.take_away(taken_away)
        await caller.send(write("first"), reply_to=reply_queue)
        await right.give_back_after_three_sessions()
        assert (await caller.reply())["data"] == {"id": 1, "text": "first"}
        count = await caller.ask({**write("count"), "action": "count", "data": {}}, reply_to=reply_queue)
    assert count["data"] == 1
    await caller.nothing_waits()
    (line,) = [line for line in lines(caplog.records) if "'amq.default'" in line][:1]
    assert line.startswith("lost the broker: this worker may not publish: channel closed: ACCESS_REFUSED - ")
    assert "Give its user write permission on that exchange" in line


async def test_a_retry_that_must_not_be_published_costs_no_attempt(
    right: Right, topology: Topology, caller: Caller, users: tuple[str, str], serve_as: Serve
) -> None:
    async with serve_as(url=users[1]):
        right.take_away()
        await caller.send(write("first", "after:temporary"), reply_to=None)
        await right.give_back_after_three_sessions()
        (letter,) = await caller.letters(1)
    assert letter.properties.correlation_id == "first"
    assert len(json.loads(letter.body)["attempts"]) == 4
    await caller.nothing_waits()
    assert await caller.channel.get(topology.dead_letters) is None


async def test_a_new_direct_reply_queue_is_not_taken_for_a_forgers(
    right: Right, caller: Caller, users: tuple[str, str], serve_as: Serve
) -> None:
    async with serve_as(url=users[1]):
        right.take_away()
        await caller.send(write("first"))
        await right.give_back_after_three_sessions()
        assert (await caller.reply())["data"] == {"id": 1, "text": "first"}
    assert not right.told("no reply to")
