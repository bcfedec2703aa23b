"""Deliveries before they are read: large ones wait for room; those on which workers died are read alone, or never."""

import asyncio
import json
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.amqp import Address, Delivery, Properties
from leveret.api import Api
from leveret.errors import StorageUnavailable
from leveret.observe import Received, Record
from leveret.sql import create_engine
from leveret.sql.records import RequestKey
from leveret.sql.tables import crash_journal
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from leveret.worker.arrive.arrivals import READING, reading_key
from support.dead_workers import count_deaths, delivered_before
from support.notes import NoteContext, note_api
from support.serving import LIMIT, Broker, Caller, Serve, serving, until
from testbed.proxy import Proxy

TIGHT = WorkerOptions(name="test", room=1)
"""One large request at a time."""


def large(request_id: str, auth: str, action: str = "write") -> dict[str, Any]:
    data = {"text": "x", "padding": "x" * 20_000}
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": auth}


def small(request_id: str, auth: str, action: str = "write") -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": {"text": "x"}, "auth": auth}


def journal(database: str) -> list[tuple[str, str, int]]:
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(crash_journal.c.principal, crash_journal.c.id, crash_journal.c.attempts))
        found = [(row[0], row[1], row[2]) for row in rows]
    engine.dispose()
    return found


def key_of(body: bytes) -> RequestKey:
    """The key of a message, of which nothing but the body matters."""
    return reading_key(
        Delivery("", 0, redelivered=True, exchange="", routing_key="", properties=Properties(), body=body)
    )


def waiting_api(go_on: asyncio.Event, started: list[str]) -> Api:
    api = note_api()

    @api.action("v1", "wait")
    async def wait(context: NoteContext) -> str:
        started.append(context.request.id)
        await go_on.wait()
        return "done"

    return api


async def test_large_requests_that_wait_for_room_hold_up_no_small_ones_and_all_come_to_their_end(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    go_on, started = asyncio.Event(), list[str]()
    async with serving(waiting_api(go_on, started), broker.url, topology, database, options=TIGHT):
        for number in range(5):
            await caller.send(large(f"l{number}", token, "wait"))
        for number in range(5):
            assert (await caller.ask(small(f"s{number}", token)))["status"] == "ok"
        assert started == ["l0"]
        go_on.set()
        replies = [await caller.reply() for _ in range(5)]
        assert [reply["correlation_id"] for reply in replies] == [f"l{number}" for number in range(5)]
    assert journal(database) == []


async def test_a_worker_that_stops_finishes_those_that_wait_for_room(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    go_on, started = asyncio.Event(), list[str]()
    async with serving(waiting_api(go_on, started), broker.url, topology, database, options=TIGHT) as worker:
        for number in range(3):
            await caller.send(large(f"l{number}", token, "wait"))
        await caller.nothing_waits()
        await until(lambda: started == ["l0"], "the first one")
        worker.stop()
        go_on.set()
        assert [(await caller.reply())["data"] for _ in range(3)] == ["done"] * 3
    assert (await caller.channel.declare_queue(topology.requests, passive=True)).messages == 0


@pytest.mark.parametrize("before", [False, True], ids=["first delivery", "delivered before"])
async def test_in_an_outage_those_that_wait_for_room_go_back_and_come_again(
    serve: Serve, database: str, caller: Caller, token: str, before: bool
) -> None:
    requests = [large(f"l{number}", token) for number in range(4)]
    await (delivered_before(caller, *requests) if before else asyncio.gather(*map(caller.send, requests)))
    async with serve(options=TIGHT, services=[StorageUnavailable("gone for a moment") for _ in range(2)]):
        assert {(await caller.reply())["status"] for _ in requests} == {"ok"}
        assert (await caller.ask(small("c", token, "count")))["data"] == 4
        await until(lambda: all(not attempts for *_, attempts in journal(database)), "no attempt that has no end")
    assert (await caller.channel.declare_queue(caller.topology.dead_letters, passive=True)).messages == 0


async def test_a_session_that_ends_while_they_wait_has_them_delivered_again(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    go_on, started = asyncio.Event(), list[str]()
    address, api = Address.parse(broker.url), waiting_api(go_on, started)
    async with (
        Proxy(address.host, address.port) as proxy,
        serving(api, proxy.proxied(broker.url), topology, database, options=TIGHT),
    ):
        for number in range(4):
            await caller.send(large(f"l{number}", token, "wait"))
        await caller.nothing_waits()
        await until(lambda: started == ["l0"], "the first one")
        await proxy.cut()
        go_on.set()
        answered: set[str] = set()
        async with asyncio.timeout(LIMIT):
            while len(answered) < 4:
                answered.add((await caller.reply())["correlation_id"])
        await until(lambda: journal(database) == [], "the journal to be empty")


@pytest.mark.parametrize("deaths", [0, 1, 2])
async def test_a_message_on_whose_reading_fewer_workers_died_is_read(
    serve: Serve, database: str, caller: Caller, token: str, deaths: int
) -> None:
    requests = [small(f"r{number}", token) for number in range(5)]
    for request in requests:
        count_deaths(database, key_of(json.dumps(request).encode()), deaths)
    await delivered_before(caller, *requests)
    async with serve():
        assert {(await caller.reply())["status"] for _ in requests} == {"ok"}
        assert (await caller.ask(small("c", token, "count")))["data"] == 5
    assert journal(database) == []


BAD = b'{"id": "a", "password": "hunter2"'


@pytest.mark.parametrize("padding", [b"", b" " * 20_000], ids=["small", "large"])
async def test_after_the_third_death_it_is_given_up_without_being_read(
    serve: Serve, database: str, caller: Caller, token: str, padding: bytes
) -> None:
    count_deaths(database, key_of(BAD + padding), 3)
    await caller.send(BAD + padding, correlation_id="a")
    await returned(caller)
    async with serve():
        reply = await caller.reply()
        assert (reply["code"], reply["correlation_id"]) == ("internal", "a"), "read it would be invalid_request"
        (letter,) = await caller.letters(1)
        assert (await caller.ask(small("b", token)))["status"] == "ok"
        await until(lambda: journal(database) == [], "its entry to be removed")
    content = json.loads(letter.body)
    assert content["reason"] == "3 workers died while they read this message"
    assert content["code"] == "workers_died"
    assert content["redrivable"] is False
    assert content["request"].startswith('{"id": "a"')
    assert "hunter2" not in content["request"]


async def test_one_with_a_foreign_reply_queue_is_given_up_without_an_answer(
    serve: Serve, database: str, caller: Caller, token: str
) -> None:
    count_deaths(database, key_of(BAD), 3)
    await caller.send(BAD, reply_to=caller.topology.requests)
    await returned(caller)
    async with serve():
        await caller.letters(1)
        assert (await caller.ask(small("b", token)))["status"] == "ok"
    assert (await caller.channel.declare_queue(caller.topology.requests, passive=True)).messages == 0


async def test_a_message_that_is_being_read_stands_in_the_journal_and_afterwards_no_more(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    """What a worker would leave behind that died now."""
    seen: list[list[tuple[str, str, int]]] = []
    body = json.dumps(small("a", token)).encode()

    def look(record: Record) -> None:
        if isinstance(record, Received):
            seen.append(journal(database))

    await delivered_before(caller, small("a", token))
    async with serving(note_api(), broker.url, topology, database, observers=[look]):
        assert (await caller.reply())["status"] == "ok"
        assert (await caller.ask(small("b", token)))["status"] == "ok"
    assert seen == [[(READING, key_of(body).id, 1)], []]
    assert journal(database) == []


async def returned(caller: Caller) -> None:
    """Have the one message that waits delivered and returned, as a worker does that dies."""
    async with asyncio.timeout(LIMIT):
        while (got := await caller.channel.get(caller.topology.requests)) is None:
            pass
    caller.channel.nack(got.delivery.delivery_tag, requeue=True)
