"""Letters and retries that their queue does not take: their requests wait, uncounted, and all others go on."""

import asyncio
import gc
import json
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from msgspec import Struct

from leveret.amqp import ChannelClosed, Message
from leveret.api import Api, Context
from leveret.inbox.journal import MOST_DEATHS, Journal
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from leveret.worker import WorkerOptions
from support.dead_workers import count_deaths, delivered_before
from support.full_queues import FILLER, LONG, empty, fill
from support.notes import note_api
from support.serving import Caller, until

from .conftest import PrivateSystem

FEW = WorkerOptions(name="test", prefetch=8)
ONE = WorkerOptions(name="test", prefetch=1)


class Heavy(Struct, frozen=True, weakref=True):
    text: str


@pytest.fixture
def count(token: str) -> dict[str, object]:
    return {"id": "count", "version": "v1", "action": "count", "data": {}, "auth": token}


async def until_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until the worker has logged that a queue refuses messages."""
    await until(lambda: any("has taken no messages" in text for text in caplog.messages), "the refusal")


def write(request_id: str, token: str, then: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x", "then": then}, "auth": token}


async def test_letters_that_their_queue_refuses_wait_for_room_and_all_others_go_on(
    system: PrivateSystem,
    count: dict[str, object],
    lost: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, names = system.topology.dead_letters, [f"bad-{number}" for number in range(3 * FEW.prefetch)]
    await fill(system.broker, system.caller, queue)
    async with system.serving(note_api(), most=0, options=FEW):
        for number, name in enumerate(names):  # more of them than may be in hand
            body = write(name, system.token, "before:bug") if number % 2 else b"{nope"
            await system.caller.send(body, reply_to=None, correlation_id=name)
            assert (await system.caller.ask(count))["status"] == "ok"
        told = [text for text in caplog.messages if text.startswith(f"{queue} has taken no messages since 20")]
        assert len(told) == 1
        assert "uncounted" in told[0]
        await empty(system.broker, system.caller, queue)
        letters = await system.caller.letters(len(names), LONG)
    assert sorted(letter.properties.correlation_id or "" for letter in letters) == sorted(names)
    assert any(text.startswith(f"{queue} takes messages again") for text in caplog.messages)
    assert not lost()
    assert await system.caller.channel.get(system.topology.requests) is None
    assert await system.caller.channel.get(queue) is None


async def test_retries_that_their_queue_refuses_wait_for_room_and_are_not_counted(
    system: PrivateSystem,
    count: dict[str, object],
    lost: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = system.topology.retries[0]
    names: list[str] = []
    found: dict[str, dict[str, Any]] = {}

    def retries(name: str) -> int:
        return sum(text.startswith(f"retry #1 for {name} ") for text in caplog.messages)

    def refused() -> bool:
        return any(text.startswith(f"{queue} has taken no") for text in caplog.messages)

    async def answered(name: str) -> None:
        while name not in found:
            reply = await system.caller.reply(LONG)
            found[reply["correlation_id"]] = reply

    await fill(system.broker, system.caller, queue)
    async with system.serving(note_api(), most=1):
        # A message of the queue goes back to the requests after its time, so the queue has to be filled again.
        full = asyncio.create_task(_keep_full(system.caller, Message(FILLER, queue)))
        while not refused():  # a retry that comes in such a moment is taken
            names.append(f"r{len(names)}")
            await system.caller.send(write(names[-1], system.token, "before:temporary"))
            await until(lambda: refused() or retries(names[-1]), "the refusal, or a retry")
        await system.caller.send(count)
        await answered("count")
        full.cancel()
        # Nothing is purged here: what filled the queue leaves it by itself, and a retry may be behind it.
        await asyncio.to_thread(system.broker.control, "clear_policy", "full")
        for name in names:
            await answered(name)
    assert found["count"]["status"] == "ok"
    assert {found[name]["code"] for name in names} == {"retries_exhausted"}
    assert {retries(name) for name in names} == {1}
    assert not lost()


async def _keep_full(caller: Caller, message: Message) -> None:
    channel = await caller.connection.channel(confirms=True)
    while True:
        (verdict,) = await channel.publish_batch([message])
        await asyncio.sleep(0.02 if verdict else 0)


async def test_a_queue_that_is_missing_is_made_again_and_gets_its_letter(
    system: PrivateSystem,
    count: dict[str, object],
    lost: Callable[[], list[str]],
) -> None:
    async with system.serving(note_api(), most=0):
        await system.caller.channel.delete_queue(system.topology.dead_letters)
        await system.caller.send(write("bad", system.token, "before:bug"), reply_to=None)
        assert (await system.caller.ask(count))["status"] == "ok"
        letter = await _first_letter(system.caller)
    assert json.loads(letter)["request"]["id"] == "bad"
    assert not lost()


async def _first_letter(caller: Caller) -> bytes:
    """Wait for a letter in a queue that may not be there yet, which ends the channel of whoever looks.

    RabbitMQ 4.0 ends the connection of whoever gets a message of a queue that is just being made, so it is asked first.
    """
    queue = caller.topology.dead_letters
    async with asyncio.timeout(20):
        while True:
            channel = await caller.connection.channel()
            with suppress(ChannelClosed):  # 404 until it is there
                state = await channel.declare_queue(queue, passive=True)
                if state.messages and (got := await channel.get(queue, no_ack=True)) is not None:
                    return got.delivery.body
                await channel.close()
            await asyncio.sleep(0.01)


async def test_a_worker_that_stops_returns_what_waits_for_room(
    system: PrivateSystem,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await fill(system.broker, system.caller, system.topology.dead_letters)
    async with system.serving(note_api(), most=0):
        await system.caller.send(write("bad", system.token, "before:bug"), reply_to=None)
        await until_refused(caplog)
    assert not [text for text in caplog.messages if text.startswith("stopping: ")]
    back = await system.caller.channel.get(system.topology.requests, no_ack=True)
    assert back is not None
    assert back.delivery.properties.correlation_id == "bad"


async def test_a_request_that_killed_workers_holds_up_nobody_while_its_letter_waits(
    system: PrivateSystem,
    count: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await fill(system.broker, system.caller, system.topology.dead_letters)
    count_deaths(system.database, RequestKey("7", "deadly"), MOST_DEATHS)
    await delivered_before(system.caller, write("deadly", system.token, "") | {"id": "deadly"})
    async with system.serving(note_api()):
        await until_refused(caplog)
        replies = [await system.caller.ask(count) for _ in range(5)]
        assert "count" in {reply["correlation_id"] for reply in replies}
        await empty(system.broker, system.caller, system.topology.dead_letters)
        (letter,) = await system.caller.letters(1, LONG)
    assert json.loads(letter.body)["reason"].startswith(f"{MOST_DEATHS} workers died")


async def test_a_worker_with_one_request_in_hand_makes_room_whenever_a_queue_refuses_anew(
    system: PrivateSystem,
    count: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with system.serving(note_api(), most=0, options=ONE):
        for name in ("bad-1", "bad-2"):
            caplog.clear()
            await fill(system.broker, system.caller, system.topology.dead_letters)
            await system.caller.send(write(name, system.token, "before:bug"), reply_to=None)
            await until_refused(caplog)
            assert (await system.caller.ask(count))["status"] == "ok"
            await empty(system.broker, system.caller, system.topology.dead_letters)
            (letter,) = await system.caller.letters(1, LONG)
            assert letter.properties.correlation_id == name


async def test_a_request_that_waits_for_room_is_kept_as_bytes_only(
    system: PrivateSystem,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api: Api = Api()
    kept: list[weakref.ref[Heavy]] = []

    @api.action("v1", "fail")
    def fail(context: Context, wanted: Heavy) -> None:
        if wanted.text == "heavy":
            kept.append(weakref.ref(wanted))
        raise ValueError

    def ask(text: str) -> dict[str, object]:
        return {"id": text, "version": "v1", "action": "fail", "data": {"text": text}, "auth": system.token}

    await fill(system.broker, system.caller, system.topology.dead_letters)
    async with system.serving(api, most=0):
        await system.caller.send(ask("heavy"), reply_to=None)
        await until_refused(caplog)
        await system.caller.ask(ask("next"))  # the lane forgets what it has done with the next that it does
        caplog.clear()
        gc.collect()
        assert [found() for found in kept] == [None]
        await empty(system.broker, system.caller, system.topology.dead_letters)
        letters = await system.caller.letters(2, LONG)
    assert {json.loads(letter.body)["request"]["data"]["text"] for letter in letters} == {"heavy", "next"}


async def test_what_killed_workers_stays_on_record_when_a_worker_stops_before_its_letter_is_taken(
    system: PrivateSystem,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = RequestKey("7", "deadly")
    await fill(system.broker, system.caller, system.topology.dead_letters)
    count_deaths(system.database, key, MOST_DEATHS)
    await delivered_before(system.caller, write("deadly", system.token, ""))
    async with system.serving(note_api()):
        await until_refused(caplog)
    engine = create_engine(system.database)
    store = Store(engine)
    try:
        assert Journal().deaths(store, [key])[key] >= MOST_DEATHS
    finally:
        store.close()
        engine.dispose()
