"""An overview of a real broker and a real database, with either of them away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from leveret.amqp import Connection, Message
from leveret.broker.queues import apply_topology, remove_topology
from leveret.devbroker import DevBroker
from leveret.observe.status import WorkerStatus
from leveret.operate.overview import Overview
from leveret.operate.overview.watching import watching
from leveret.settings import Settings
from leveret.wire.messages import status_message
from support.migration import upgrade
from taskmanager.actions import app
from testbed.alarm import memory_alarm

LIMIT = 30.0


def settings(url: str, prefix: str, folder: Path, database: str = "") -> Settings:
    named = {"AMQP_URL": url, "QUEUE_PREFIX": prefix, "DATABASE_URL": database or f"sqlite:///{folder / 'x.db'}"}
    return app.defaults.updated({f"{app.prefix}{name}": text for name, text in named.items()}, needs_secret=False)


async def shows(look: Callable[[], Overview], right: Callable[[Overview], bool]) -> Overview:
    """Wait for an overview of that kind."""
    try:
        async with asyncio.timeout(LIMIT):
            while not right(found := look()):  # noqa: ASYNC110 - nothing tells when that changes
                await asyncio.sleep(0.02)  # pause between two looks
    except TimeoutError:
        raise AssertionError(f"it still shows {look()}") from None
    return found


async def test_messages_are_counted_and_nothing_is_changed(broker: DevBroker, prefix: str, tmp_path: Path) -> None:
    own = settings(broker.url, prefix, tmp_path)
    topology = app.topology(own)
    async with watching(app, own, every=0.05) as look:
        assert (await shows(look, lambda found: found.broker.state == "ok")).depths.waiting is None
        await apply_topology(broker.url, topology)
        connection = await Connection.open(broker.url)
        channel = await connection.channel(confirms=True)
        for queue in (topology.requests, topology.requests, topology.dead_letters):
            await channel.publish(Message(b"{}", queue, mandatory=True))
        found = await shows(look, lambda found: found.depths.waiting == 2 and found.depths.letters == 1)
        assert (found.depths.retrying, found.depths.consumers, found.depths.limit) == (0, 0, 1_000_000)
        assert "nobody_consumes" in [problem.code for problem in found.problems]
        message = await channel.get(topology.requests)
        assert message is not None
        assert not message.delivery.redelivered
        await connection.close()
    await remove_topology(broker.url, topology)


async def test_a_broker_that_is_away_is_told_and_the_database_is_seen(
    prefix: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    upgrade(f"sqlite:///{tmp_path / 'x.db'}")
    url = f"amqp://ada:hush-hush@127.0.0.1:{unused_tcp_port}/"
    async with watching(app, settings(url, prefix, tmp_path)) as look:
        found = look()
    assert (found.broker.state, found.database.state) == ("away", "ok")
    assert [problem.code for problem in found.problems] == ["broker_away"]
    assert [blind.text for blind in found.blind] == ["queues and workers: the broker does not answer"]
    assert "hush" not in str(found)


async def test_a_database_that_is_away_is_told_and_the_queues_are_seen(
    broker: DevBroker, prefix: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    gone = f"postgresql+psycopg://ada:hush-hush@127.0.0.1:{unused_tcp_port}/x"
    async with watching(app, settings(broker.url, prefix, tmp_path, gone)) as look:
        found = look()
    assert (found.broker.state, found.database.state) == ("ok", "away")
    assert "database_away" in [problem.code for problem in found.problems]
    assert "hush" not in str(found)


async def test_a_database_without_this_versions_tables_is_told(
    broker: DevBroker, prefix: str, tmp_path: Path, postgres_url: str
) -> None:
    async with watching(app, settings(broker.url, prefix, tmp_path, postgres_url)) as look:
        assert look().database.state == "troubled"


async def test_the_first_look_has_seen_all_reports_of_the_last_minutes(
    broker: DevBroker, prefix: str, tmp_path: Path
) -> None:
    own = settings(broker.url, prefix, tmp_path)
    topology = app.topology(own)
    await apply_topology(broker.url, topology)
    now = time.time()
    reports = [
        WorkerStatus(name="worker", host="ant", pid=7, started=now - 3600, at=now - ago, letters=500 - ago)
        for ago in range(500, -1, -1)
    ]
    connection = await Connection.open(broker.url)
    channel = await connection.channel(confirms=True)
    made = [status_message(msgspec.json.encode(each), topology.status_stream) for each in reports]
    await asyncio.gather(*map(channel.publish, made))
    await connection.close()
    async with watching(app, own) as look:
        found = look()
    assert found.reports.state == "ok"
    assert [(each.code, each.felt) for each in found.problems if each.code == "letters_grow"] == [("letters_grow", 300)]
    await remove_topology(broker.url, topology)


@pytest.mark.timeout(240)
async def test_an_alarm_and_a_broker_that_comes_back_are_seen(
    private_broker: DevBroker, prefix: str, tmp_path: Path
) -> None:
    async with watching(app, settings(private_broker.url, prefix, tmp_path), every=0.05) as look:
        with memory_alarm(private_broker):
            found = await shows(look, lambda found: found.broker.state == "troubled")
            assert "memory" in found.broker.words
            assert found.problems[0].code == "broker_alarm"
        await shows(look, lambda found: found.broker.state == "ok")
        await asyncio.to_thread(private_broker.kill)
        await shows(look, lambda found: found.broker.state == "away")
        await asyncio.to_thread(private_broker.restart)
        await shows(look, lambda found: found.broker.state == "ok")
