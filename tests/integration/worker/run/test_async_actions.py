"""Async actions have their turn: so many at a time, each for so long, and none is another's business."""

import asyncio
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest

from leveret.api import Api
from leveret.retry import RetryPolicy
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.notes import NoteContext
from support.serving import Broker, Caller, serving, until

MARK: ContextVar[str] = ContextVar("mark", default="none")


class Doings:
    """An API of async actions, and what they did."""

    def __init__(self) -> None:
        self.running = self.most = self.begun = 0
        self.go = asyncio.Event()
        self.api: Api = Api()
        self.api.action("v1", "wait", public=True)(self.wait)
        self.api.action("v1", "cancel_itself", public=True)(self.cancel_itself)
        self.api.action("v1", "mark", public=True)(self.mark)

    async def wait(self, context: NoteContext) -> str:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        return context.request.id

    async def cancel_itself(self, _context: NoteContext) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def mark(self, context: NoteContext) -> str:
        before = MARK.get()
        MARK.set(context.request.id)
        return before


@pytest.fixture
async def doings() -> Doings:
    return Doings()


def request(request_id: str, action: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": {}, "auth": ""}


async def replies(caller: Caller, count: int) -> dict[str, dict[str, Any]]:
    found = [await caller.reply() for _ in range(count)]
    return {reply["correlation_id"]: reply for reply in found}


async def test_no_more_than_so_many_run_at_a_time_and_the_others_follow(
    broker: Broker, topology: Topology, database: str, caller: Caller, doings: Doings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leveret.worker.run.async_actions.MOST_AT_ONCE", 2)
    async with serving(doings.api, broker.url, topology, database):
        for number in range(5):
            await caller.send(request(f"w{number}", "wait"))
        await until(lambda: doings.begun == 2, "the first two")
        doings.go.set()
        answers = await replies(caller, 5)
    assert {answer["data"] for answer in answers.values()} == {f"w{number}" for number in range(5)}
    assert doings.most == 2


async def test_one_that_takes_too_long_fails_and_costs_nobody_else_its_turn(
    broker: Broker, topology: Topology, database: str, caller: Caller, doings: Doings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leveret.worker.run.async_actions.LONGEST_RUN", timedelta(milliseconds=50))
    monkeypatch.setattr("leveret.worker.run.async_actions.MOST_AT_ONCE", 1)
    async with serving(doings.api, broker.url, topology, database, most=0):
        await caller.send(request("endless", "wait"))
        await until(lambda: doings.running == 1, "its beginning")
        await caller.send(request("behind", "mark"))
        answers = await replies(caller, 2)
        letter = (await caller.letters(1))[0].body.decode()
    assert answers["behind"]["status"] == "ok"
    assert answers["endless"]["status"] == "error"
    assert "took longer than 0.05 s" in letter
    assert doings.running == 0


async def test_one_with_a_timeout_of_its_own_is_ended_by_that_and_the_others_by_the_general_one(
    broker: Broker, topology: Topology, database: str, caller: Caller, doings: Doings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leveret.worker.run.async_actions.LONGEST_RUN", timedelta(milliseconds=300))
    doings.api.action("v1", "short", public=True, timeout=timedelta(milliseconds=100))(doings.wait)
    doings.api.action("v1", "long", public=True, timeout=timedelta(hours=1))(doings.wait)
    options = WorkerOptions(name="test", watchdog=None)
    async with serving(doings.api, broker.url, topology, database, most=0, options=options):
        for name in ("long", "wait", "short"):
            await caller.send(request(name, name))
        ended = [await caller.reply() for _ in range(2)]
        letters = [letter.body.decode() for letter in await caller.letters(2)]
        assert doings.running == 1
        doings.go.set()
        last = await caller.reply()
    assert [reply["correlation_id"] for reply in ended] == ["short", "wait"]
    assert "TimeoutError: took longer than 0.1 s" in letters[0]
    assert "TimeoutError: took longer than 0.3 s" in letters[1]
    assert last["data"] == "long"


async def test_a_timeout_can_be_an_error_after_which_nothing_is_retried(
    broker: Broker, topology: Topology, database: str, caller: Caller, doings: Doings
) -> None:
    policy = RetryPolicy(topology.delays, no_retry_on=(TimeoutError,))
    own: dict[str, Any] = {"timeout": timedelta(milliseconds=50), "retry": policy}
    doings.api.action("v1", "short", public=True, **own)(doings.wait)
    async with serving(doings.api, broker.url, topology, database):
        assert (await caller.ask(request("once", "short")))["code"] == "internal"
        (letter,) = await caller.letters(1)
    assert doings.begun == 1
    assert "retries exhausted: TimeoutError: took longer than 0.05 s (not retried)" in letter.body.decode()


async def test_one_that_cancels_itself_fails_alone(
    broker: Broker, topology: Topology, database: str, caller: Caller, doings: Doings
) -> None:
    async with serving(doings.api, broker.url, topology, database, most=0):
        await caller.send(request("rash", "cancel_itself"))
        await caller.send(request("calm", "mark"))
        answers = await replies(caller, 2)
    assert {name: answer["status"] for name, answer in answers.items()} == {"rash": "error", "calm": "ok"}


@pytest.mark.parametrize("most", [1, 100])
async def test_what_one_leaves_in_its_context_no_other_finds(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    doings: Doings,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    monkeypatch.setattr("leveret.worker.run.async_actions.MOST_AT_ONCE", most)
    for number in range(3):  # they wait together: with one place, each makes room for the next
        await caller.send(request(f"m{number}", "mark"))
    async with serving(doings.api, broker.url, topology, database):
        answers = await replies(caller, 3)
        later = await caller.ask(request("m3", "mark"))
    assert [answer["data"] for answer in [*answers.values(), later]] == ["none"] * 4


async def test_one_that_raises_what_nobody_catches_gives_its_turn_back(
    broker: Broker, topology: Topology, database: str, caller: Caller, doings: Doings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(BaseException):
        pass

    async def odd(_context: NoteContext) -> None:
        raise Odd

    doings.api.action("v1", "odd", public=True)(odd)
    monkeypatch.setattr("leveret.worker.run.async_actions.MOST_AT_ONCE", 1)
    async with serving(doings.api, broker.url, topology, database, most=0):
        await caller.send(request("odd", "odd"))
        await caller.send(request("calm", "mark"))
        answers = await replies(caller, 2)
    assert {name: answer["status"] for name, answer in answers.items()} == {"odd": "error", "calm": "ok"}
