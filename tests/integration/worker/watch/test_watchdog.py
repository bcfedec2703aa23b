"""A worker that is deaf or stuck ends itself, and one that only looks like it does not."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.amqp import Connection, Delivery
from leveret.devbroker import DevBroker
from leveret.errors import WorkerDeaf
from leveret.process.exit_codes import DEAF
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from leveret.worker.watch.watchdog import LOOKS, Sight, Watch
from support.notes import NoteContext, note_api
from support.serving import LIMIT, Broker, Caller, Serve, calling, into, serving, until
from support.silence import silently_cancelled
from testbed.alarm import memory_alarm
from testbed.waiting import is_alive, wait_until

SOON = timedelta(milliseconds=600)
OPTIONS = WorkerOptions(name="test", watchdog=SOON, drain=timedelta(seconds=1))


def request(request_id: str, action: str = "health_check", auth: str = "", **data: object) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": auth}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts the looks that watchdogs have taken."""
    taken = 0
    look = Watch.look

    def counted(self: Watch, sight: Sight | None) -> str | None:
        nonlocal taken
        taken += 1
        return look(self, sight)

    monkeypatch.setattr(Watch, "look", counted)
    return lambda: taken


async def for_long(looks: Callable[[], int], number: int = 2 * LOOKS + 2) -> None:
    """Stay for more than twice the watchdog's time, or for a number of its looks."""
    enough = looks() + number
    await until(lambda: looks() >= enough, "the watchdog's looks")


@asynccontextmanager
async def found_deaf(running: AbstractAsyncContextManager[object], words: str) -> AsyncIterator[None]:
    """A worker that is expected to end itself, and to say so."""
    with pytest.raises(WorkerDeaf, match=re.escape(words)):  # noqa: PT012 - a worker says it when it is left
        async with running:
            yield
            await until(lambda: not any(map(_is_watch, asyncio.all_tasks())), "the worker's end")


def _is_watch(task: asyncio.Task[object]) -> bool:
    return getattr(task.get_coro(), "__name__", "") == "watch"


async def test_a_worker_whose_consumer_is_gone_ends_itself_also_when_nothing_waits(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    words = "for 0.6 s the broker knows of no consumer of the queue"
    async with found_deaf(silently_cancelled(broker, topology, database, OPTIONS), words):
        pass


async def test_a_worker_that_is_passed_over_ends_itself(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    held: asyncio.Queue[Delivery] = asyncio.Queue()
    words = "for 0.6 s requests wait (2), this worker has room for them, and none was delivered"
    async with found_deaf(silently_cancelled(broker, topology, database, OPTIONS), words):
        other = await caller.connection.channel()
        await other.qos(1)
        await other.consume(topology.requests, into(held))  # another consumer, which takes one and no more
        for number in range(3):
            await caller.send(request(f"a{number}"))


async def test_an_action_that_never_ends_ends_the_worker_and_the_next_one_goes_on(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    api, released = note_api(), threading.Event()

    @api.action("v1", "hang", writes=True)
    def hang(context: NoteContext) -> str:
        if not context.redelivered:
            released.wait(LIMIT)
        return "done"

    words = "for 0.6 s none of the requests in hand ("
    async with found_deaf(serving(api, broker.url, topology, database, options=OPTIONS), words):
        await caller.send(request("h", "hang", token))
        await caller.send(request("a", "write", token, text="behind it"))
    assert any("hang (test_watchdog.py:" in text and text.startswith("deaf: for") for text in caplog.messages)
    released.set()  # in a process of its own it would have died now, and SQLite's lock with it
    async with serving(api, broker.url, topology, database, options=OPTIONS):
        replies = {reply["correlation_id"]: reply["status"] for reply in [await caller.reply() for _ in range(2)]}
    assert replies == {"h": "ok", "a": "ok"}


@pytest.fixture
def stuck(broker: Broker, topology: Topology, database: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts workers in processes of their own, whose watchdog takes one second."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "support.stuck_worker", broker.url, topology.prefix, database, "1"]
        folder = Path(__file__).resolve().parents[3]
        started.append(
            subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def test_an_action_that_blocks_the_loop_ends_the_process_which_says_where(
    stuck: Callable[[], subprocess.Popen[str]], caller: Caller
) -> None:
    process = stuck()
    assert (await caller.ask(request("a")))["status"] == "ok"
    await caller.send(request("b", "block"))
    _, said = await asyncio.to_thread(process.communicate, timeout=LIMIT)
    assert process.returncode == DEAF
    last = said.splitlines()[-1]
    assert last.startswith("CRITICAL deaf: the event loop has been hanging for 1 s, in block (stuck_worker.py:")


@pytest.mark.skipif(sys.platform == "win32", reason="stops a process with POSIX signals")
async def test_a_worker_that_was_stopped_for_longer_than_the_watchdogs_time_goes_on(
    stuck: Callable[[], subprocess.Popen[str]], caller: Caller
) -> None:
    process = stuck()
    assert (await caller.ask(request("a")))["status"] == "ok"
    os.kill(process.pid, signal.SIGSTOP)
    await caller.send(request("b"))
    await asyncio.to_thread(time.sleep, 2.5)  # it is the time itself that must not matter
    os.kill(process.pid, signal.SIGCONT)
    assert (await caller.reply())["correlation_id"] == "b"
    for number in range(20):  # for as long as another second would take
        await asyncio.to_thread(wait_until, lambda: is_alive(process.pid), "life")
        assert (await caller.ask(request(f"c{number}")))["status"] == "ok"


async def test_a_worker_without_work_is_left_alone(serve: Serve, caller: Caller, looks: Callable[[], int]) -> None:
    async with serve(options=OPTIONS):
        await for_long(looks)
        assert (await caller.ask(request("a")))["status"] == "ok"


async def test_a_worker_beside_one_that_holds_everything_is_left_alone(
    serve: Serve, topology: Topology, caller: Caller, looks: Callable[[], int]
) -> None:
    held: asyncio.Queue[Delivery] = asyncio.Queue()
    other = await caller.connection.channel()
    await other.consume(topology.requests, into(held))
    for number in range(10):
        await caller.send(request(f"a{number}"))
    await until(lambda: held.qsize() == 10, "all requests in other hands")
    async with serve(options=OPTIONS):
        await for_long(looks)
        await other.close()
        assert {(await caller.reply())["status"] for _ in range(10)} == {"ok"}


async def test_a_worker_whose_requests_are_slow_but_move_is_left_alone(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, looks: Callable[[], int]
) -> None:
    api, go_on = note_api(), threading.Semaphore(0)

    @api.action("v1", "plod")
    def plod(context: NoteContext) -> None:
        assert go_on.acquire(timeout=LIMIT)

    few = WorkerOptions(name="test", watchdog=SOON, prefetch=1)
    for number in range(8):
        await caller.send(request(f"p{number}", "plod", token))
    async with serving(api, broker.url, topology, database, options=few):
        for _ in range(8):
            await for_long(looks, LOOKS // 2)
            go_on.release()
            assert (await caller.reply())["status"] == "ok"


async def test_a_worker_that_waits_for_its_database_is_left_alone(
    broker: Broker,
    topology: Topology,
    tmp_path: Path,
    database: str,
    caller: Caller,
    token: str,
    looks: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("leveret.sql.engine.LOCK_TIMEOUT", 0.2)
    locker = sa.create_engine(f"sqlite:///{tmp_path / 'test.db'}").connect()
    async with serving(note_api(), broker.url, topology, database, options=OPTIONS):
        locker.exec_driver_sql("BEGIN IMMEDIATE")
        await caller.send(request("a", "write", token, text="x"))
        await until(lambda: any(text.startswith("paused: ") for text in caplog.messages), "a pause")
        await for_long(looks)
        locker.exec_driver_sql("ROLLBACK")
        assert (await caller.reply())["status"] == "ok"
    locker.close()
    locker.engine.dispose()


async def test_a_worker_whose_replies_an_alarm_holds_back_is_left_alone(
    lent_broker: DevBroker, topology: Topology, database: str, token: str, looks: Callable[[], int]
) -> None:
    few = WorkerOptions(name="test", watchdog=SOON, prefetch=2)
    async with calling(lent_broker.url, topology) as caller:
        for number in range(5):
            await caller.send(request(f"a{number}", "count", token))
        worker = serving(note_api(), lent_broker.url, topology, database, options=few)
        async with alarm_at(lent_broker) as alarm, worker:
            await for_long(looks)
            assert (await waiting_in(lent_broker, topology)) == 3, "two are done and wait for their confirms"
            await alarm.aclose()
            assert {(await caller.reply())["status"] for _ in range(5)} == {"ok"}


@asynccontextmanager
async def alarm_at(broker: DevBroker) -> AsyncIterator[AsyncExitStack]:
    """An alarm that ends when what is given is closed, at the latest with the test."""
    alarm = memory_alarm(broker)
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(alarm.__enter__)
        stack.push_async_callback(asyncio.to_thread, alarm.__exit__, None, None, None)
        yield stack


async def waiting_in(broker: Broker, topology: Topology) -> int:
    """How many requests wait, on a connection that has not published."""
    connection = await Connection.open(broker.url)
    state = await (await connection.channel()).declare_queue(topology.requests, passive=True)
    await connection.close()
    return state.messages


async def test_a_worker_that_takes_long_to_stop_is_left_alone(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, looks: Callable[[], int]
) -> None:
    api, released, began = note_api(), threading.Event(), threading.Event()

    @api.action("v1", "hang", writes=True)
    def hang(context: NoteContext) -> str:
        began.set()
        released.wait(LIMIT)
        return "done"

    patient = WorkerOptions(name="test", watchdog=SOON, drain=timedelta(seconds=LIMIT))
    async with serving(api, broker.url, topology, database, options=patient) as worker:
        await caller.send(request("h", "hang", token))
        await until(began.is_set, "its beginning")
        worker.stop()
        await for_long(looks)
        released.set()
        assert (await caller.reply())["data"] == "done"
