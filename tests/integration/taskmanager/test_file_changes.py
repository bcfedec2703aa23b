"""How often one request changes files on its way through a worker: whoever follows it has so many to open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from leveret.devbroker import DevBroker
from leveret.sql import create_engine
from support import migration
from support.file_changes import FileTrail
from support.serving import calling, keyring, quick, serving, until
from taskmanager import usecases
from taskmanager.actions import Services, app
from taskmanager.domain import NewUser
from taskmanager.passwords import Passwords

MOST = 22
END = ["worker/leave/outcome_log.py", "worker/leave/in_hand.py"]
WARM_UP, COUNTED = 5, 9


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords()
    yield passwords
    passwords.close()


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        usecases.register(connection, NewUser("owner@example.com", "Owner"), "hash", datetime.now(UTC))
    engine.dispose()
    return url


async def test_a_request_that_writes_changes_files_seldom(
    broker: DevBroker, prefix: str, database: str, passwords: Passwords
) -> None:
    keys, topology, trail = keyring(), quick(prefix), FileTrail()
    services = Services(passwords, keys, timedelta(hours=1))
    token = keys.issue("1", timedelta(hours=1))
    ways = []
    async with calling(broker.url, topology) as caller:
        with trail.in_new_threads():
            worker = serving(app, broker.url, topology, database, services=services)
            async with worker:
                for number in range(WARM_UP + COUNTED):
                    body = {"id": f"r{number}", "version": "v1", "action": "create_task", "data": {"title": "x"}}
                    with trail.recorded():
                        reply = await caller.ask({**body, "auth": token}, headers={"x-deadline": 2**62})
                        await until(lambda: trail.visits[-2:] == END, f"the ack of r{number}")
                    assert reply["status"] == "ok"
                    ways.append(trail.visits)
    counted = ways[WARM_UP:]
    assert median(map(len, counted)) <= MOST, min(counted, key=len)
    assert {"inbox/batch.py", "worker/arrive/intake.py", "worker/run/lanes.py"} < set(counted[-1])
