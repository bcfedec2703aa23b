"""A flood of logins and registrations, with hashes that never end: everybody else is served as if there were none."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret.sql import create_engine
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support import migration
from support.gate import GateHasher
from support.serving import Broker, Caller, calling, keyring, quick, serving, until
from taskmanager import usecases
from taskmanager.actions import Services, app
from taskmanager.domain import NewUser
from taskmanager.passwords import MOST_AT_ONCE, MOST_WAITING, Passwords

from .conftest import NOW

PLACES = MOST_AT_ONCE + MOST_WAITING
FLOOD = 300


@pytest.fixture
def gate() -> Iterator[GateHasher]:
    gate = GateHasher()
    yield gate
    gate.open()


@pytest.fixture
def topology(prefix: str) -> Topology:
    return quick(prefix)


@pytest.fixture
async def caller(broker: Broker, topology: Topology) -> AsyncIterator[Caller]:
    async with calling(broker.url, topology) as found:
        yield found


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    return url


@pytest.fixture
def token(database: str) -> str:
    engine = create_engine(database)
    with engine.begin() as connection:
        user = usecases.register(connection, NewUser("ann@example.com"), "hash", NOW)
    engine.dispose()
    return keyring().issue(str(user.id), timedelta(hours=1))


@asynccontextmanager
async def flooded(url: str, topology: Topology, database: str, gate: GateHasher) -> AsyncIterator[None]:
    """A worker whose hashes stand still until the end."""
    with Passwords(gate) as passwords:
        services = Services(passwords, keyring(), timedelta(hours=1))
        options = WorkerOptions(name="flooded", prefetch=50)
        async with serving(app, url, topology, database, services=services, options=options):
            gate.closed = True
            yield
            gate.open()


def login(number: int) -> dict[str, Any]:
    data = {"email": f"user{number}@example.com", "password": "wrong"}
    return {"id": f"login-{number}", "version": "v1", "action": "login", "data": data}


def register(number: int) -> dict[str, Any]:
    data = {"email": f"user{number}@example.com", "password": "new"}
    return {"id": f"register-{number}", "version": "v1", "action": "register", "data": data}


def create_task(number: int, token: str) -> dict[str, Any]:
    data = {"title": f"task {number}"}
    return {"id": f"task-{number}", "version": "v1", "action": "create_task", "data": data, "auth": token}


async def collect(caller: Caller, count: int) -> list[dict[str, Any]]:
    return [await caller.reply() for _ in range(count)]


@pytest.mark.parametrize("kind", [login, register])
async def test_ordinary_requests_are_answered_while_every_hash_stands_still(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, gate: GateHasher, kind: Any
) -> None:
    async with flooded(broker.url, topology, database, gate):
        for number in range(FLOOD):
            await caller.send(kind(number))
        for number in range(20):
            await caller.send(create_task(number, token))
            await caller.send({"id": f"health-{number}", "version": "v1", "action": "health_check", "data": {}})
        replies = await collect(caller, FLOOD - PLACES + 40)
        kinds = Counter((reply["correlation_id"].split("-")[0], reply.get("code", "ok")) for reply in replies)
        assert kinds == {(kind.__name__, "overloaded"): FLOOD - PLACES, ("task", "ok"): 20, ("health", "ok"): 20}
        assert {str(reply["details"]) for reply in replies if reply["status"] == "error"} == {"{'retry_after': 1.0}"}
        assert caller.replies.empty(), "those that have a place still wait for their hash"
        gate.open()
        assert len(await collect(caller, PLACES)) == PLACES
    assert gate.most_at_once == MOST_AT_ONCE


async def test_a_registration_that_was_refused_for_want_of_room_passes_with_the_same_id(
    broker: Broker, topology: Topology, database: str, caller: Caller, gate: GateHasher
) -> None:
    async with flooded(broker.url, topology, database, gate):
        for number in range(PLACES + 5):
            await caller.send(register(number))
        refused = await collect(caller, 5)
        assert {reply["code"] for reply in refused} == {"overloaded"}
        gate.open()
        assert {reply["status"] for reply in await collect(caller, PLACES)} == {"ok"}
        for reply in refused:
            again = await caller.ask(register(int(reply["correlation_id"].split("-")[1])))
            assert again["status"] == "ok"
            assert json.dumps(again["data"]).count("example.com") == 1


async def test_heartbeats_go_on_while_every_hash_stands_still(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    gate: GateHasher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The broker ends a connection from which nothing came for two intervals of a second each."""
    caplog.set_level(logging.INFO, "leveret.worker")
    async with flooded(f"{broker.url}?heartbeat=1", topology, database, gate):
        for number in range(100):
            await caller.send(login(number))
        await collect(caller, 100 - PLACES)
        give_up = asyncio.get_running_loop().time() + 4
        await until(lambda: asyncio.get_running_loop().time() > give_up, "four intervals of silence")
        gate.open()
        assert len(await collect(caller, PLACES)) == PLACES
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]
