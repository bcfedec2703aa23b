"""Requests that workers may have died on: who runs beside them, and what counts as a death."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from leveret.amqp import Address
from leveret.api import Api, Context
from leveret.devbroker import DevBroker
from leveret.errors import StorageUnavailable
from leveret.sql.records import RequestKey
from leveret.topology import Topology
from support.dead_workers import count_deaths, delivered_before
from support.notes import note_api
from support.serving import Caller, Serve, serving, until
from testbed.proxy import Proxy

LIMIT = 20.0


def request(request_id: str, auth: str, action: str, **data: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": auth}


class Book:
    """What ran when, and gates that hold it up."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.gates: dict[str, threading.Event] = {}

    def has(self, *lines: str) -> Callable[[], bool]:
        return lambda: set(lines) <= set(self.lines)


def gated_api(book: Book) -> Api:
    """Two actions that do nothing until their request's gate is open, one in a lane and one in the event loop."""
    api: Api = Api()

    @api.action("v1", "wait")
    def wait(context: Context) -> str:
        book.lines.append(f"begin {context.request.id}")
        assert book.gates.setdefault(context.request.id, threading.Event()).wait(LIMIT)
        book.lines.append(f"end {context.request.id}")
        return "done"

    @api.action("v1", "wait_async")
    async def wait_async(context: Context) -> str:
        book.lines.append(f"begin {context.request.id}")
        gate = book.gates.setdefault(context.request.id, threading.Event())
        assert await asyncio.to_thread(gate.wait, LIMIT)
        book.lines.append(f"end {context.request.id}")
        return "done"

    return api


@pytest.mark.parametrize("action", ["wait", "wait_async"])
async def test_a_request_that_a_worker_died_on_runs_with_nothing_beside_it(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str, action: str
) -> None:
    book = Book()
    names = ("early 1", "early 2", "suspect", "late")
    book.gates = {name: threading.Event() for name in names}
    count_deaths(database, RequestKey("7", "suspect"), 1)
    await delivered_before(caller, request("suspect", token, action))
    for name in ("early 1", "early 2"):
        await caller.send(request(name, token, "wait_async"))
    async with serving(gated_api(book), broker.url, topology, database, lanes=4):
        await until(book.has("begin early 1", "begin early 2"), "the first two")
        book.gates["early 1"].set()
        await until(book.has("end early 1"), "the end of the first one")
        assert "begin suspect" not in book.lines
        book.gates["early 2"].set()
        await until(book.has("begin suspect"), "the suspect's turn")
        await caller.send(request("late", token, "wait_async"))
        await caller.nothing_waits()
        book.gates["suspect"].set()
        book.gates["late"].set()
        assert [(await caller.reply())["status"] for _ in names] == ["ok"] * len(names)
    begin = book.lines.index("begin suspect")
    assert set(book.lines[:begin]) == {"begin early 1", "begin early 2", "end early 1", "end early 2"}
    assert book.lines[begin:] == ["begin suspect", "end suspect", "begin late", "end late"]


async def test_async_actions_that_no_worker_died_on_run_side_by_side_also_when_they_were_delivered_before(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    book = Book()
    await delivered_before(caller, *(request(name, token, "wait_async") for name in ("a", "b")))
    async with serving(gated_api(book), broker.url, topology, database, lanes=4):
        await until(book.has("begin a", "begin b"), "both")
        for name in ("a", "b"):
            book.gates[name].set()
        assert [(await caller.reply())["status"] for _ in range(2)] == ["ok", "ok"]


async def test_what_was_delivered_before_runs_alone_in_the_lanes_and_new_requests_after_it(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    book = Book()
    names = ("again 1", "again 2", "new 1", "new 2")
    book.gates = {name: threading.Event() for name in (*names, "async")}
    await delivered_before(caller, *(request(name, token, "wait") for name in ("again 1", "again 2")))
    await caller.send(request("async", token, "wait_async"))
    async with serving(gated_api(book), broker.url, topology, database, lanes=4):
        await until(book.has("begin async", "begin again 1"), "the first ones")
        for name in ("new 1", "new 2"):
            await caller.send(request(name, token, "wait"))
        await caller.nothing_waits()
        book.gates["again 1"].set()
        await until(book.has("begin again 2"), "the second one's turn")
        book.gates["again 2"].set()
        await until(book.has("begin new 1"), "the turn of the new ones")
        for gate in book.gates.values():
            gate.set()
        assert [(await caller.reply())["status"] for _ in book.gates] == ["ok"] * 5
    in_lanes = [line for line in book.lines if "async" not in line]
    assert in_lanes[:4] == ["begin again 1", "end again 1", "begin again 2", "end again 2"]
    assert book.lines.index("end async") > book.lines.index("begin new 1")


async def test_all_suspects_have_their_turn_and_the_others_after_them(
    serve: Serve, database: str, caller: Caller, token: str
) -> None:
    for number in range(5):
        count_deaths(database, RequestKey("7", f"s{number}"), 1 + number % 2)
    await delivered_before(caller, *(request(f"s{number}", token, "write", text="x") for number in range(5)))
    for number in range(5):
        await caller.send(request(f"a{number}", token, "write", text="x"))
    async with serve():
        replies = [await caller.reply() for _ in range(10)]
        assert {reply["status"] for reply in replies} == {"ok"}
        assert (await caller.ask(request("c", token, "count")))["data"] == 10


async def test_what_waits_for_a_lane_when_its_session_is_lost_runs_for_the_next_one_only(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    """Whatever runs for a session that is over runs beside the suspects of the next one."""
    book, address = Book(), Address.parse(broker.url)
    book.gates = {"held": threading.Event(), "behind": threading.Event()}
    book.gates["behind"].set()
    async with (
        Proxy(address.host, address.port) as proxy,
        serving(gated_api(book), proxy.proxied(broker.url), topology, database) as worker,
    ):
        await caller.send(request("held", token, "wait"))
        await until(book.has("begin held"), "the first one's beginning")
        await caller.send(request("behind", token, "wait"))
        await caller.nothing_waits()
        await proxy.cut()
        await until(lambda: not worker.consuming.is_set(), "the loss of the session")
        book.gates["held"].set()
        assert [(await caller.reply())["status"] for _ in range(2)] == ["ok", "ok"]
    assert book.lines.count("begin behind") == 1


class CutAndGone(list[Exception]):
    """Outages to come; with each of them the connections to the broker are cut as well."""

    def __init__(self, count: int, proxy: Proxy) -> None:
        super().__init__(StorageUnavailable("gone for a moment") for _ in range(count))
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()

    def pop(self, _index: Any = -1) -> Exception:
        asyncio.run_coroutine_threadsafe(self._proxy.cut(), self._loop).result(LIMIT)
        return super().pop()


async def test_an_attempt_that_an_outage_ended_is_no_death_when_the_broker_is_lost_with_it(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    """Who would take it back on the session that ended must not forget it."""
    address = Address.parse(broker.url)
    await delivered_before(caller, request("a1", token, "write", text="x"))
    async with Proxy(address.host, address.port) as proxy:
        outages = CutAndGone(5, proxy)
        async with serving(note_api(), proxy.proxied(broker.url), topology, database, services=outages):
            assert (await caller.reply())["status"] == "ok"
            assert not outages
    assert await caller.channel.get(topology.dead_letters) is None
