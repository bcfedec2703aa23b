"""Two brokers, of which one goes away: workers, clients and commands go on at the other."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from leveret.amqp import Addresses
from leveret.broker.queues import apply_topology
from leveret.client import BlockingClient, Client
from leveret.devbroker import DevBroker
from leveret.sql import create_engine
from support.notes import metadata, note_api
from support.serving import quick, serving, sqlite_url
from taskmanager.cli import main

LIMIT = 60.0


@pytest.fixture
def pair() -> Iterator[tuple[DevBroker, DevBroker]]:
    """Two private brokers, of which a test may stop one."""
    with ExitStack() as stack:
        yield stack.enter_context(DevBroker()), stack.enter_context(DevBroker())


def from_first(pair: tuple[DevBroker, DevBroker]) -> Addresses:
    """Both, of which the first one has the first turn."""
    return Addresses.parse(",".join(broker.url for broker in pair), chance=lambda: 0.0)


@pytest.mark.timeout(300)
async def test_workers_clients_and_commands_go_on_at_another_node(
    pair: tuple[DevBroker, DevBroker],
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    addresses, topology, url = from_first(pair), quick(prefix), sqlite_url(tmp_path)
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    await apply_topology(pair[1].url, topology)  # two nodes of one cluster would share it
    blocking = BlockingClient(addresses, topology=topology)
    async with (
        serving(note_api(), addresses, topology, url),
        Client(addresses, topology=topology) as client,
    ):
        await asyncio.to_thread(blocking.connect)
        assert await client.call("health_check", timeout=LIMIT)
        assert await asyncio.to_thread(blocking.call, "health_check", timeout=LIMIT)
        await asyncio.to_thread(pair[0].stop)
        assert await client.call("health_check", timeout=LIMIT)
        assert await asyncio.to_thread(blocking.call, "health_check", timeout=LIMIT)
        await asyncio.to_thread(blocking.close)
        async with Client(addresses, topology=topology) as late:
            assert await late.call("health_check", timeout=LIMIT)
    monkeypatch.setenv("TASKMANAGER_AMQP_URL", ",".join(broker.url for broker in pair))
    monkeypatch.setenv("TASKMANAGER_QUEUE_PREFIX", f"{prefix}-commands")
    for command in ("topology apply", "queues", "letters"):
        monkeypatch.setattr(sys, "argv", ["taskmanager", *command.split()])
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(main)
        assert not ended.value.code, capsys.readouterr().err
