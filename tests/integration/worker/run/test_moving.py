"""While a failed request is moved on, nothing runs that could kill the worker between the confirm and the ack."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from leveret.api import Api, Context
from leveret.topology import Topology
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement
from leveret.worker.run import wait_budget
from leveret.worker.run.floor import Floor
from support.serving import LIMIT, Broker, Caller, serving, until


class Book:
    """What happened when, and gates that hold requests up."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.gates: dict[str, threading.Event] = {}


def failing_api(book: Book) -> Api:
    """Actions that end well or badly, as soon as their request's gate is open."""
    api: Api = Api()

    def wait(context: Context) -> str:
        name = context.request.id
        book.lines.append(f"begin {name}")
        gate = book.gates.get(name)
        assert gate is None or gate.wait(LIMIT)
        book.lines.append(f"end {name}")
        return "done"

    @api.action("v1", "end_well")
    def end_well(context: Context) -> str:
        return wait(context)

    @api.action("v1", "end_badly")
    def end_badly(context: Context) -> str:
        wait(context)
        raise ZeroDivisionError

    @api.action("v1", "end_badly_async")
    async def end_badly_async(context: Context) -> str:
        book.lines.append(f"end {context.request.id}")
        raise ZeroDivisionError

    return api


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    """A book that holds acks too, and from when on nothing may begin any more."""
    book, ack, moved = Book(), InHand.ack, Floor.moved

    def ack_and_tell(self: InHand, tags: Sequence[int]) -> None:
        ack(self, tags)
        book.lines += ["ack"] * len(tags)

    def move_and_tell(self: Floor, settlements: Sequence[Settlement]) -> None:
        moved(self, settlements)
        book.lines.append("hold")

    monkeypatch.setattr(InHand, "ack", ack_and_tell)
    monkeypatch.setattr(Floor, "moved", move_and_tell)
    monkeypatch.setattr(wait_budget, "MOST", LIMIT)
    return book


def request(name: str, token: str, action: str) -> dict[str, object]:
    return {"id": name, "version": "v1", "action": action, "data": {}, "auth": token}


async def letters(caller: Caller) -> int:
    return (await caller.channel.declare_queue(caller.topology.dead_letters, passive=True)).messages


@pytest.mark.parametrize("action", ["end_badly", "end_badly_async"])
async def test_a_letter_waits_for_what_runs_and_what_comes_waits_for_the_letter(
    book: Book, broker: Broker, topology: Topology, database: str, caller: Caller, token: str, action: str
) -> None:
    book.gates["slow"] = threading.Event()
    async with serving(failing_api(book), broker.url, topology, database, lanes=2, most=0):
        await caller.ask(request("known", token, "end_well"))  # nobody waits for replies to new reply queues
        await until(lambda: "ack" in book.lines, "its ack")
        book.lines.clear()
        await caller.send(request("slow", token, "end_well"))
        await until(lambda: "begin slow" in book.lines, "the slow one's beginning")
        await caller.send(request("bad", token, action))
        await until(lambda: "hold" in book.lines, "the bad one's end")
        await caller.send(request("late", token, "end_well"))
        await caller.nothing_waits()
        assert await letters(caller) == 0
        assert "begin late" not in book.lines
        book.gates["slow"].set()
        replies = {(await caller.reply())["correlation_id"] for _ in range(3)}
        assert replies == {"slow", "bad", "late"}
        await caller.letters(1)  # the count of a quorum queue comes a little late
        await until(lambda: book.lines.count("ack") == 3, "all acks")
    begin = book.lines.index("begin late")
    assert book.lines[:begin].count("ack") == 2
    assert book.lines.index("end slow") < begin


async def test_a_hung_action_does_not_hold_up_others_for_long(
    book: Book,
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wait_budget, "MOST", 0.05)
    monkeypatch.setattr(wait_budget, "TICK", 0.01)
    book.gates["hung"] = threading.Event()
    async with serving(failing_api(book), broker.url, topology, database, lanes=2, most=0):
        await caller.send(request("hung", token, "end_well"))
        await until(lambda: "begin hung" in book.lines, "the hung one's beginning")
        for name, action in (("bad", "end_badly"), ("late", "end_well")):
            assert (await caller.ask(request(name, token, action)))["correlation_id"] == name
        await caller.letters(1)  # the count of a quorum queue comes a little late
        assert "end hung" not in book.lines
        book.gates["hung"].set()
        assert (await caller.reply())["status"] == "ok"
