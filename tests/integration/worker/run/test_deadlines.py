"""A request that is late is answered `deadline_exceeded` and not executed, wherever it waited."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from leveret.api import Api
from leveret.client import Client
from leveret.errors import NoAnswer
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from leveret.worker.run.floor import Floor
from support.notes import NoteContext, note_api
from support.serving import LIMIT, Broker, Caller, serving, until


def request(request_id: str, action: str, auth: str, **data: Any) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": auth}


def in_ms(milliseconds: int) -> dict[str, int]:
    """The header of a deadline so long from now."""
    return {"x-deadline": int(time.time() * 1000) + milliseconds}


Holding = tuple[Api, threading.Event, Callable[[], int]]


@pytest.fixture
def holding() -> Holding:
    """Notes with actions that hold up what comes behind them: in the lane, and at the async ones' turn."""
    api, released, begun = note_api(), threading.Event(), 0

    @api.action("v1", "hold", writes=True)
    def hold(context: NoteContext) -> None:
        nonlocal begun
        begun += 1
        assert released.wait(LIMIT)

    @api.action("v1", "hold_turn")
    async def hold_turn(context: NoteContext) -> None:
        nonlocal begun
        begun += 1
        await asyncio.to_thread(released.wait, LIMIT)

    @api.action("v1", "begun")
    async def count(context: NoteContext) -> None:
        nonlocal begun
        begun += 1

    return api, released, lambda: begun


async def until_past(headers: dict[str, int]) -> None:
    await until(lambda: time.time() * 1000 > headers["x-deadline"], "the deadline")


async def test_a_request_whose_turn_in_the_lane_comes_too_late_is_not_executed(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved: list[object] = []

    def tell(_floor: Floor, settlements: Sequence[object]) -> None:
        moved.extend(settlements)

    monkeypatch.setattr(Floor, "moved", tell)
    api, released, begun = holding
    async with serving(api, broker.url, topology, database):
        await caller.send(request("h", "hold", token))
        await until(lambda: begun() == 1, "a lane that is held up")
        soon = in_ms(400)
        await caller.send(request("late", "write", token, text="x"), headers=soon)
        await caller.send(request("unheard", "write", token, text="x"), reply_to=None, headers=soon)
        await caller.send(request("in time", "write", token, text="x"), headers=in_ms(60_000))
        await until_past(soon)
        released.set()
        replies = {reply["correlation_id"]: reply for reply in [await caller.reply() for _ in range(3)]}
        assert replies["late"]["code"] == "deadline_exceeded"
        assert replies["late"]["error"].startswith("Request's turn came ")
        assert (replies["h"]["status"], replies["in time"]["status"]) == ("ok", "ok")
        assert (await caller.ask(request("c", "count", token)))["data"] == 1
        (letter,) = await caller.letters(1)
        assert json.loads(letter.body)["reason"].startswith("deadline_exceeded: Request's turn came ")
        again = await caller.ask(request("late", "write", token, text="x"))
        assert again["status"] == "ok", "nothing was done and nothing was stored under its id"
    assert not moved, "who sends requests that are late on arrival could hold up all others"


async def test_an_async_action_whose_turn_comes_too_late_is_not_executed(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("leveret.worker.run.async_actions.MOST_AT_ONCE", 1)
    api, released, begun = holding
    async with serving(api, broker.url, topology, database):
        await caller.send(request("h", "hold_turn", token))
        await until(lambda: begun() == 1, "a turn that is taken")
        soon = in_ms(400)
        await caller.send(request("late", "begun", token), headers=soon)
        await until_past(soon)
        released.set()
        replies = {reply["correlation_id"]: reply for reply in [await caller.reply() for _ in range(2)]}
    assert replies["late"]["code"] == "deadline_exceeded"
    assert begun() == 1


async def test_what_has_been_answered_is_answered_again_however_late_its_turn_comes(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, holding: Holding
) -> None:
    api, released, begun = holding
    async with serving(api, broker.url, topology, database):
        first = await caller.ask(request("a", "write", token, text="x"))
        await caller.send(request("h", "hold", token))
        await until(lambda: begun() == 1, "a lane that is held up")
        soon = in_ms(400)
        await caller.send(request("a", "write", token, text="x"), headers=soon)
        await until_past(soon)
        released.set()
        replies = {reply["correlation_id"]: reply for reply in [await caller.reply() for _ in range(2)]}
    assert replies["a"] == first


async def test_a_clients_timeout_is_its_deadline(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, holding: Holding
) -> None:
    api, released, begun = holding
    one = WorkerOptions(name="test", prefetch=1)
    asking = Client(broker.url, topology=topology)
    async with serving(api, broker.url, topology, database, options=one), asking as client:
        await caller.send(request("h", "hold", token))
        await until(lambda: begun() == 1, "a worker that is held up")
        with pytest.raises(NoAnswer, match=r"no reply within 0\.3 s"):
            await client.call("write", {"text": "x"}, token=token, id="late", timeout=0.3)
        released.set()
        await caller.reply()
        assert await client.call("count", token=token) == 0
        assert client.unknown_replies == 1, "it was told, although too late"
        assert await client.call("write", {"text": "x"}, token=token, id="late") == {"id": 1, "text": "x"}
