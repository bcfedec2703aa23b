"""When the database or the broker is away, requests wait; none is counted, none is lost."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from leveret.amqp import Address, Connection
from leveret.api import Api, Context
from leveret.devbroker import DevBroker
from leveret.errors import StorageUnavailable
from leveret.inbox.journal import Journal
from leveret.sql import Store, create_engine
from leveret.sql import metadata as leveret_metadata
from leveret.sql.records import RequestKey
from leveret.topology import Topology
from leveret.worker import Worker
from leveret.worker.arrive.arrivals import READING
from support.dead_workers import delivered_before
from support.notes import metadata, note_api
from support.serving import LIMIT, Caller, Serve, remove, serving, until
from testbed.postgres import PrivatePostgres
from testbed.proxy import Proxy


def write(request_id: str, auth: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x"}, "auth": auth}


def count(request_id: str, auth: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "count", "data": {}, "auth": auth}


async def test_a_stopped_database_pauses_the_worker_and_costs_no_request_anything(
    broker: DevBroker,
    topology: Topology,
    private_postgres: PrivatePostgres,
    caller: Caller,
    token: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    with private_postgres.database() as url:
        engine = create_engine(url)
        leveret_metadata.create_all(engine)
        metadata.create_all(engine)
        engine.dispose()
        async with serving(note_api(), broker.url, topology, url) as worker:
            assert (await caller.ask(write("before", token)))["status"] == "ok"
            await asyncio.to_thread(private_postgres.stop)
            for number in range(20):
                await caller.send(write(f"a{number}", token))
            await until(lambda: any(text.startswith("waiting for the database") for text in caplog.messages), "a pause")
            assert not worker.consuming.is_set()
            assert caller.replies.empty()
            await asyncio.to_thread(private_postgres.start)
            replies = [await caller.reply() for _ in range(20)]
            assert {reply["status"] for reply in replies} == {"ok"}
            assert (await caller.ask(count("c", token)))["data"] == 21
        assert await caller.channel.get(topology.dead_letters) is None
    assert not [text for text in caplog.messages if text.startswith(("retry #", "dead-lettered"))]


async def test_in_an_outage_what_waits_for_its_turn_goes_back_and_does_not_try_one_by_one(
    broker: DevBroker,
    topology: Topology,
    postgres_url: str,
    caller: Caller,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = create_engine(
        postgres_url
    )  # with SQLite the first one's transaction would keep the others off the journal
    leveret_metadata.create_all(engine)
    engine.dispose()
    tries: list[str] = []
    known: list[RequestKey] = []
    all_wait, back = threading.Event(), threading.Event()
    ping, deaths = Store.ping, Journal.deaths
    api: Api = Api()

    @api.action("v1", "look")
    def look(context: Context) -> str:
        if back.is_set():
            return "here"
        tries.append(context.request.id)
        assert all_wait.wait(LIMIT)
        raise StorageUnavailable("gone for a moment")

    def find_it_back(self: Store) -> None:
        if tries:
            back.set()
        ping(self)

    def tell_keys(self: Journal, store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        known.extend(key for key in keys if key.principal != READING)
        return deaths(self, store, keys)

    monkeypatch.setattr(Store, "ping", find_it_back)
    monkeypatch.setattr(Journal, "deaths", tell_keys)
    ask: dict[str, object] = {"version": "v1", "action": "look", "data": {}, "auth": token}
    await delivered_before(caller, *({**ask, "id": f"a{number}"} for number in range(5)))
    async with serving(api, broker.url, topology, postgres_url, lanes=2):
        await until(lambda: tries and len(known) == 5, "all of them, and the first one's turn")
        all_wait.set()
        assert [(await caller.reply())["data"] for _ in range(5)] == ["here"] * 5
    assert len(tries) == 1


async def test_connections_ended_by_the_database_cost_no_request_anything(
    broker: DevBroker,
    topology: Topology,
    postgres_url: str,
    caller: Caller,
    token: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    engine = create_engine(postgres_url)
    leveret_metadata.create_all(engine)
    metadata.create_all(engine)
    async with serving(note_api(), broker.url, topology, postgres_url):
        for round_number in range(5):
            await caller.ask(write(f"a{round_number}", token))
            with engine.connect() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        assert (await caller.ask(count("c", token)))["data"] == 5
    engine.dispose()
    assert await caller.channel.get(topology.dead_letters) is None
    assert not [text for text in caplog.messages if text.startswith(("retry #", "dead-lettered"))]


async def test_a_locked_sqlite_file_pauses_the_worker(
    serve: Serve,
    topology: Topology,
    caller: Caller,
    token: str,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("leveret.sql.engine.LOCK_TIMEOUT", 0.2)
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve():
        locker = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        await caller.send(write("a1", token))
        await until(lambda: any(text.startswith("paused: ") for text in caplog.messages), "a pause")
        assert caller.replies.empty()
        locker.execute("ROLLBACK")
        locker.close()
        assert (await caller.reply())["status"] == "ok"
    assert await caller.channel.get(topology.dead_letters) is None


async def test_a_cut_connection_is_made_again_and_what_was_in_hand_is_answered(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    port = Address.parse(broker.url).port
    async with Proxy("127.0.0.1", port) as proxy, through(proxy, broker.url, topology, database):
        for round_number in range(5):
            unanswered = {f"a{round_number}-{number}" for number in range(40)}
            for request_id in sorted(unanswered):
                await caller.send(write(request_id, token))
            while len(unanswered) > 30:
                unanswered.discard((await caller.reply())["correlation_id"])
            await proxy.cut()
            # The cut may have taken replies with it: asking again with the same ids brings the stored ones.
            for request_id in sorted(unanswered):
                await caller.send(write(request_id, token))
            while unanswered:
                unanswered.discard((await caller.reply())["correlation_id"])
        found = await _last(caller, count("c", token))
        assert found["data"] == 200
    assert sum(text.startswith("lost the broker") for text in caplog.messages) >= 5


async def test_a_deleted_queue_is_made_again_and_consumed(
    serve: Serve, broker: DevBroker, topology: Topology, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve() as worker:
        connection = await Connection.open(Address.parse(broker.url))
        await remove(connection, topology)
        await until(lambda: not worker.consuming.is_set(), "the loss of the consumer")
        await until(worker.consuming.is_set, "a new consumer")
        assert (await caller.ask(write("a1", token)))["status"] == "ok"
        await connection.close()
    assert any("cancelled the consumer" in text for text in caplog.messages)


async def test_a_clean_stop_finishes_what_is_in_hand_and_leaves_the_rest_in_the_queue(
    serve: Serve, caller: Caller, token: str
) -> None:
    for number in range(500):
        await caller.send(write(f"a{number}", token))
    async with serve():
        await caller.reply()
    async with serve():
        replies = [await caller.reply() for _ in range(499)]
        assert {reply["status"] for reply in replies} == {"ok"}
        assert (await caller.ask(count("c", token)))["data"] == 500
        assert caller.replies.empty()


def through(proxy: Proxy, url: str, topology: Topology, database: str) -> AbstractAsyncContextManager[Worker]:
    return serving(note_api(), url.replace(f":{Address.parse(url).port}/", f":{proxy.port}/"), topology, database)


async def _last(caller: Caller, request: dict[str, object]) -> dict[str, Any]:
    """Ask, and leave late replies to other requests aside."""
    await caller.send(request)
    while (reply := await caller.reply())["correlation_id"] != request["id"]:
        pass
    return reply
