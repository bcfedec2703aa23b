"""One limit for each principal, shared by all workers, on both engines."""

import asyncio
import json
import logging
from collections import Counter
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.api import RateLimit
from leveret.sql import create_engine
from leveret.sql import metadata as leveret_metadata
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from support.notes import metadata, note_api
from support.serving import Broker, Caller, keyring, serving, sqlite_url, until
from testbed.postgres import PrivatePostgres

HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = sqlite_url(tmp_path) if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with_tables(url)
    return url


def with_tables(url: str) -> None:
    engine = create_engine(url)
    leveret_metadata.create_all(engine)
    metadata.create_all(engine)
    engine.dispose()


def token_of(subject: str) -> str:
    return keyring().issue(subject, HOUR)


def write(request_id: str, auth: str, then: str = "") -> dict[str, object]:
    data = {"text": "x", "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": auth}


def limited(
    broker: Broker, topology: Topology, url: str, limit: int, window: timedelta = HOUR, **more: Any
) -> AbstractAsyncContextManager[Worker]:
    options = WorkerOptions(name="test", prefetch=20, rate_limit=RateLimit(limit, window))
    return serving(note_api(), broker.url, topology, url, options=options, **more)


def notes_of(url: str, owner: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM notes WHERE owner = :owner"), {"owner": owner})
        found = int(count.scalar_one())
    engine.dispose()
    return found


async def test_two_workers_share_one_limit(
    broker: Broker, topology: Topology, either_database: str, caller: Caller
) -> None:
    tokens = {subject: token_of(subject) for subject in ("7", "8")}
    async with limited(broker, topology, either_database, 50), limited(broker, topology, either_database, 50):
        for number in range(150):
            for subject, token in tokens.items():
                await caller.send(write(f"{subject}-{number}", token))
        replies = [await caller.reply() for _ in range(300)]
    kinds = Counter((reply["correlation_id"].split("-")[0], reply.get("code", "ok")) for reply in replies)
    for subject in tokens:
        executed = kinds[subject, "ok"]
        assert kinds[subject, "rate_limited"] == 150 - executed
        assert 25 <= executed <= 50, "never more than the limit, and little is left unused in other hands"
        assert notes_of(either_database, subject) == executed
    refused = next(reply for reply in replies if reply["status"] == "error")
    assert refused["error"].startswith("More than 50 requests in 3600 s; ask again in ")
    assert refused["details"].keys() == {"limit", "remaining", "retry_after"}
    assert (refused["details"]["limit"], refused["details"]["remaining"]) == (50, 0)
    assert 0 < refused["details"]["retry_after"] <= 3600


async def test_one_worker_alone_admits_exactly_the_limit_in_the_order_of_arrival(
    broker: Broker, topology: Topology, either_database: str, caller: Caller
) -> None:
    token = token_of("7")
    async with limited(broker, topology, either_database, 30):
        for number in range(40):
            await caller.send(write(f"a{number}", token))
        replies = [await caller.reply() for _ in range(40)]
    admitted = {reply["correlation_id"] for reply in replies if reply["status"] == "ok"}
    assert admitted == {f"a{number}" for number in range(30)}


async def test_a_refused_request_is_not_stored_and_passes_in_the_next_window(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    token = token_of("7")
    async with limited(broker, topology, database, 1, timedelta(seconds=1)):
        refused = None
        while refused is None:
            await caller.ask(write("first", token))
            answer = await caller.ask(write("second", token))
            refused = answer if answer["status"] == "error" else None
        assert refused["code"] == "rate_limited"

        async def ask_again() -> dict[str, Any]:
            while (answer := await caller.ask(write("second", token)))["status"] == "error":
                pass
            return answer

        answer = await asyncio.wait_for(ask_again(), 20)
    assert answer["data"]["text"] == "x"


async def test_retries_and_callers_without_a_token_are_not_counted(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    token = token_of("7")
    async with limited(broker, topology, database, 1, most=2):
        for number in range(5):
            health = {"id": f"h{number}", "version": "v1", "action": "health_check", "data": {}}
            assert (await caller.ask(health))["status"] == "ok"
        tried = await caller.ask(write("a1", token, then="before:temporary"))
        assert (tried["code"], tried["error"]) == (
            "retries_exhausted",
            "retries exhausted: Request failed after 3 attempts; it was kept as a dead letter",
        )
        assert (await caller.ask(write("a2", token)))["code"] == "rate_limited"


async def test_what_is_delivered_again_is_not_counted_again(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    token = token_of("7")
    for number in range(5):
        await caller.send(write(f"a{number}", token))
    taker = await caller.connection.channel()
    for _ in range(5):
        got = None
        while got is None:
            got = await taker.get(topology.requests)
    await taker.close()  # the five go back to the queue, marked as delivered before
    async with limited(broker, topology, database, 1):
        replies = [await caller.reply() for _ in range(5)]
        assert {reply["status"] for reply in replies} == {"ok"}
        assert (await caller.ask(write("a5", token)))["status"] == "ok"
        assert (await caller.ask(write("a6", token)))["code"] == "rate_limited"


async def test_a_refused_request_that_nobody_waits_for_is_kept_as_a_letter_of_its_caller(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    token = token_of("7")
    async with limited(broker, topology, database, 1):
        await caller.ask(write("a1", token))
        await caller.send(write("a2", token), reply_to=None)
        [letter] = await caller.letters(1)
    assert json.loads(letter.body)["reason"].startswith("rate_limited: More than 1 request in")
    assert (letter.properties.headers or {})["x-principal"] == "7"


async def test_leases_are_few_and_none_is_taken_for_a_request_that_finds_the_window_spent(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    token, leases = token_of("7"), []

    def count(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if "rate_windows" in statement:
            leases.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        async with limited(broker, topology, database, 200):
            for number in range(200):
                assert (await caller.ask(write(f"a{number}", token)))["status"] == "ok"
            taken = len(leases)
            for number in range(200, 250):
                assert (await caller.ask(write(f"a{number}", token)))["code"] == "rate_limited"
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    assert taken <= 60, "a lease is for many requests"
    assert len(leases) == taken


async def test_a_principal_that_waits_for_a_lease_holds_up_nobody_else(
    broker: Broker, topology: Topology, postgres_url: str, caller: Caller
) -> None:
    """Somebody holds on to the row of one principal's window; all others' requests go on, with leases of their own."""
    with_tables(postgres_url)
    slow = token_of("slow")
    engine = create_engine(postgres_url)
    async with limited(broker, topology, postgres_url, 10, lanes=2):
        assert (await caller.ask(write("slow-0", slow)))["status"] == "ok"
        with engine.begin() as holder:
            holder.execute(sa.text("SELECT * FROM rate_windows WHERE principal = 'slow' FOR UPDATE"))
            for number in range(1, 4):
                await caller.send(write(f"slow-{number}", slow))
            await until(lambda: waiting_for_locks(engine) > 0, "a lease that waits")
            for number in range(30):
                reply = await caller.ask(write(f"other-{number}", token_of(f"other {number % 10}")))
                assert (reply["correlation_id"], reply["status"]) == (f"other-{number}", "ok")
        replies = [await caller.reply() for _ in range(3)]
        # Admitted in their order, and then run by two lanes at the same time.
        assert {reply["correlation_id"] for reply in replies} == {"slow-1", "slow-2", "slow-3"}
        assert {reply["status"] for reply in replies} == {"ok"}
    engine.dispose()


def waiting_for_locks(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


async def test_a_database_that_goes_away_costs_no_request_its_admission(
    broker: Broker,
    topology: Topology,
    private_postgres: PrivatePostgres,
    caller: Caller,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    with private_postgres.database() as url:
        with_tables(url)
        async with limited(broker, topology, url, 1000):
            await asyncio.to_thread(private_postgres.stop)
            for number in range(20):
                await caller.send(write(f"a{number}", token_of(f"user {number}")))
            await until(lambda: any(text.startswith("paused: ") for text in caplog.messages), "a pause")
            assert caller.replies.empty()
            await asyncio.to_thread(private_postgres.start)
            replies = [await caller.reply() for _ in range(20)]
    assert {reply["status"] for reply in replies} == {"ok"}
    assert not [text for text in caplog.messages if text.startswith(("retry #", "dead-lettered"))]
