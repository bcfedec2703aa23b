"""A redelivered request may have killed a worker: it runs alone, on record, and is given up after the third death."""

import json

import pytest
import sqlalchemy as sa

from support.serving import Caller, Serve
from warren.errors import StorageUnavailable
from warren.sql import SqlStore, crash_journal, create_engine
from warren.store import Key


def write(request_id: str, auth: str, action: str = "write", **data: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": action, "data": data or {"text": "x"}, "auth": auth}


async def redelivered(caller: Caller, request: dict[str, object]) -> None:
    """Send a request and have it delivered and returned once, as a worker does that dies."""
    await caller.send(request)
    got = None
    while got is None:
        got = await caller.channel.get(caller.topology.requests)
    caller.channel.nack(got.delivery.delivery_tag, requeue=True)


def deaths(database: str, key: Key, count: int) -> None:
    """Write into the journal that workers died on a request."""
    engine = create_engine(database)
    store = SqlStore(engine)
    for _ in range(count):
        store.count_attempt(key)
    store.close()
    engine.dispose()


def journal(database: str) -> list[tuple[str, int]]:
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(crash_journal.c.id, crash_journal.c.attempts)).all()
    engine.dispose()
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_a_redelivered_request_runs_and_leaves_no_record(
    serve: Serve, database: str, caller: Caller, token: str, before: int
) -> None:
    deaths(database, Key("7", "a1"), before)
    await redelivered(caller, write("a1", token))
    async with serve():
        assert (await caller.reply())["status"] == "ok"
    assert journal(database) == []


@pytest.mark.parametrize("action", ["write", "count"])
async def test_the_third_death_makes_it_a_dead_letter(
    serve: Serve, database: str, caller: Caller, token: str, action: str
) -> None:
    deaths(database, Key("7", "a1"), 3)
    await redelivered(caller, write("a1", token, action))
    async with serve():
        assert (await caller.reply())["code"] == "internal"
        (letter,) = await caller.letters(1)
        assert (await caller.ask(write("a2", token, "count")))["data"] == 0
    assert json.loads(letter.body)["reason"] == "3 workers died while they ran this request"
    assert journal(database) == []


async def test_the_third_death_of_an_async_action_makes_it_a_dead_letter(
    serve: Serve, database: str, caller: Caller
) -> None:
    deaths(database, Key("", "s1"), 3)
    await redelivered(caller, write("s1", "", "sign_up", user="ann", password="hunter2"))
    async with serve():
        assert (await caller.reply())["code"] == "internal"
        (letter,) = await caller.letters(1)
    assert b"hunter2" not in letter.body
    assert journal(database) == []


@pytest.mark.parametrize("then", ["before:conflict", "after:conflict", "before:temporary", "after:bug"])
async def test_an_attempt_that_fails_is_no_death(
    serve: Serve, database: str, caller: Caller, token: str, then: str
) -> None:
    await redelivered(caller, write("a1", token, text="x", then=then))
    async with serve(most=0):
        assert (await caller.reply())["status"] == "error"
    assert journal(database) == []


async def test_a_redelivered_request_that_was_answered_is_answered_from_its_row(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve():
        first = await caller.ask(write("a1", token))
    await redelivered(caller, write("a1", token))
    async with serve():
        assert await caller.reply() == first
        assert (await caller.ask(write("a2", token, "count")))["data"] == 1


async def test_an_async_action_that_breaks_is_no_death(serve: Serve, database: str, caller: Caller) -> None:
    await redelivered(caller, write("s1", "", "sign_up", user="bug", password="p"))
    async with serve(most=0):
        assert (await caller.reply())["code"] == "internal"
    assert journal(database) == []


@pytest.mark.parametrize("outages", [1, 5])
async def test_an_attempt_that_an_outage_ended_is_no_death(
    serve: Serve, database: str, caller: Caller, token: str, outages: int
) -> None:
    await redelivered(caller, write("a1", token))
    async with serve(services=[StorageUnavailable("gone for a moment") for _ in range(outages)]):
        assert (await caller.reply())["status"] == "ok"
        assert (await caller.ask(write("a2", token, "count")))["data"] == 1
    assert journal(database) == []
