"""Being late, over the limit, or having a token that expired undoes nothing: what was executed is answered again."""

import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from leveret.api import RateLimit
from leveret.auth.keyring import Keyring
from leveret.errors import StorageFailed, StorageUnavailable
from leveret.sql import Store
from leveret.sql.connection import Transaction
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from support.notes import note_api
from support.serving import SECRET, Broker, Caller, Serve, serving, until

HOUR = timedelta(hours=1)
LATE: dict[str, Any] = {"headers": {"x-deadline": 1}}

Limited = Callable[[], AbstractAsyncContextManager[Worker]]


def write(request_id: str, auth: str, text: str = "x") -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": text}, "auth": auth}


def sign_up(request_id: str) -> dict[str, Any]:
    data = {"user": "ann", "password": "correct horse"}
    return {"id": request_id, "version": "v1", "action": "sign_up", "data": data}


def count(request_id: str, auth: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "count", "data": {}, "auth": auth}


def expired(subject: str, *, secret: bytes = SECRET, issuer: str = "test") -> str:
    """A token that was good until an hour ago."""
    return Keyring(secret, issuer=issuer, clock=lambda: time.time() - 7200).issue(subject, HOUR)


@pytest.fixture
def limited(broker: Broker, topology: Topology, database: str) -> Limited:
    """Run a worker that executes one request of a principal in an hour."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[Worker]:
        options = WorkerOptions(name="test", prefetch=20, rate_limit=RateLimit(1, HOUR))
        async with serving(note_api(), broker.url, topology, database, options=options) as worker:
            yield worker

    return serve


@pytest.mark.parametrize("asked", [write("a", "{token}"), sign_up("a")], ids=["def", "async def"])
async def test_a_late_request_that_was_executed_is_answered_from_its_row(
    serve: Serve, caller: Caller, token: str, asked: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    if "auth" in asked:
        asked = {**asked, "auth": token}
    async with serve():
        first = await caller.ask(asked)
        assert await caller.ask(asked, **LATE) == first
        other = {**asked, "data": {**asked["data"], "user": "bob", "text": "y"}}
        assert (await caller.ask(other, **LATE))["code"] == "id_reused"
        assert (await caller.ask({**asked, "id": "b"}, **LATE))["code"] == "deadline_exceeded"
        await caller.send(asked, reply_to=None, **LATE)
        await caller.send({**asked, "id": "unheard"}, reply_to=None, **LATE)
        (letter,) = await caller.letters(1)
        assert (await caller.ask(count("c", token)))["data"] == (1 if "auth" in asked else 0)
    assert first["status"] == "ok"
    assert json.loads(letter.body)["request"]["id"] == "unheard", "nobody waits for the other one, and it was executed"
    assert caplog.messages.count(f"idem-replay: a v1.{asked['action']}") == 2


async def test_a_request_over_the_limit_that_was_executed_is_answered_from_its_row(
    limited: Limited, caller: Caller, token: str
) -> None:
    async with limited():
        first = await caller.ask(write("a", token))
        assert (await caller.ask(write("b", token)))["code"] == "rate_limited"
        assert await caller.ask(write("a", token)) == first
        assert (await caller.ask(write("a", token, "y")))["code"] == "id_reused"
        assert (await caller.ask(count("c", token)))["code"] == "rate_limited"
    assert first["status"] == "ok"


@pytest.mark.parametrize("how", [{}, LATE], ids=["in time", "late"])
async def test_who_was_executed_gets_the_answer_although_the_token_has_expired_meanwhile_and_nothing_else(
    serve: Serve, caller: Caller, token: str, how: dict[str, Any]
) -> None:
    old = expired("7")
    refused = "deadline_exceeded" if how else "unauthenticated"
    async with serve():
        first = await caller.ask(write("a", token))
        assert await caller.ask(write("a", old), **how) == first
        assert (await caller.ask(write("b", old), **how))["code"] == refused, "it was not executed before"
        for other in (expired("8"), expired("7", secret=b"f" * 32), expired("7", issuer="another"), "none"):
            answer = await caller.ask(write("a", other), **how)
            assert answer["code"] in (refused, "unauthenticated")
            assert answer["data"] is None
        assert (await caller.ask(count("c", old), **how))["code"] == refused, "a read is never repeated"
        assert (await caller.ask(count("d", token)))["data"] == 1


async def test_an_expired_token_learns_nothing_of_an_id_that_was_used_for_something_else(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve():
        await caller.ask(write("a", token))
        known, unknown = [await caller.ask(write(one, expired("7"), "y")) for one in ("a", "b")]
    assert {**known, "correlation_id": "b"} == unknown
    assert unknown["error"] == "Token missing, invalid or expired"


async def test_what_cannot_be_looked_up_in_an_outage_waits_for_its_end(
    serve: Serve, caller: Caller, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve() as worker:
        first = await caller.ask(write("a", token))
        with monkeypatch.context() as outage:
            outage.setattr(Store, "begin", _raise(StorageUnavailable("gone")))
            await caller.send(write("a", expired("7")))
            await until(lambda: not worker.consuming.is_set(), "a pause")
        assert await caller.reply() == first


async def test_what_cannot_be_looked_up_for_another_reason_is_neither_refused_nor_run(
    limited: Limited, caller: Caller, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited():
        await caller.ask(write("a", token))
        with monkeypatch.context() as failing:
            failing.setattr(Transaction, "find", _raise(StorageFailed("cannot be read")))
            answer = await caller.ask(write("a", expired("7")))
            (letter,) = await caller.letters(1)
    assert answer["code"] == "internal"
    assert json.loads(letter.body)["reason"] == "cannot be looked up: cannot be read"


def _raise(error: Exception) -> Callable[..., Any]:
    def run(*_arguments: object, **_how: object) -> Any:
        raise error

    return run
