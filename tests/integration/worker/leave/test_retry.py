"""A failure that may pass is retried, with growing counts, and given up after the last one."""

import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest

from leveret.auth.keyring import Keyring, Principal, Ticket
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from leveret.wire.limits import LARGEST_REQUEST
from support.notes import note_api
from support.serving import SECRET, Caller, Serve, calling, keyring, quick, serving, until

THRICE = "tried-thrice"
"""An id that no random name of a queue can hold, since the log is searched for it."""


def failing(request_id: str, auth: str, then: str = "after:temporary") -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x", "then": then}, "auth": auth}


async def test_three_retries_and_then_a_dead_letter(
    serve: Serve, topology: Topology, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve():
        reply = await caller.ask(failing(THRICE, token))
        (letter,) = await caller.letters(1)
        count = {"id": "c1", "version": "v1", "action": "count", "data": {}, "auth": token}
        assert (await caller.ask(count))["data"] == 0
    assert (reply["code"], reply["correlation_id"]) == ("retries_exhausted", THRICE)
    body = json.loads(letter.body)
    assert body["reason"] == "retries exhausted: not now"
    assert body["request"] == {key: value for key, value in failing(THRICE, "").items() if key != "auth"}
    assert body["headers"]["x-retry-count"] == 3
    assert "x-attempts" not in body["headers"], "the attempts stand in the letter once"
    assert (body["code"], body["exception"]) == ("retries_exhausted", "leveret.errors.TemporaryError")
    assert re.fullmatch(r"support/notes\.py:\d+", body["place"])
    assert [(each["worker"], each["reason"]) for each in body["attempts"]] == [("test", "not now")] * 4
    times = [each["failed_at"] for each in body["attempts"]]
    assert times == sorted(times)
    assert times[-1] == body["failed_at"]
    assert letter.properties.message_id == body["message_id"]
    headers: Any = letter.properties.headers
    assert headers["x-retry-count"] == 3
    assert headers["x-death"][0]["queue"] == topology.retries[0]
    texts = [record.getMessage() for record in caplog.records]
    assert [text for text in texts if THRICE in text] == [
        f"retry #1 for {THRICE} because not now",
        f"retry #2 for {THRICE} because not now",
        f"retry #3 for {THRICE} because not now",
        f"dead-lettered: {THRICE} err=retries exhausted: not now",
    ]


async def test_a_bug_is_retried_and_named_in_the_letter_but_not_to_the_caller(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve(most=1):
        reply = await caller.ask(failing("f1", token, "before:bug"))
        (letter,) = await caller.letters(1)
    assert "nobody foresaw" in json.loads(letter.body)["reason"]
    assert "nobody foresaw" not in json.dumps(reply)


@pytest.mark.parametrize(
    ("most", "code", "attempts"), [(0, "internal", "1 attempt"), (1, "retries_exhausted", "2 attempts")]
)
async def test_the_answer_after_the_last_attempt_begins_with_the_words_that_clients_of_the_first_version_look_for(
    serve: Serve, caller: Caller, token: str, most: int, code: str, attempts: str
) -> None:
    async with serve(most=most):
        reply = await caller.ask(failing("f1", token))
        await caller.letters(1)
    assert reply["code"] == code
    assert reply["error"] == f"retries exhausted: Request failed after {attempts}; it was kept as a dead letter"


async def test_without_retries_the_first_failure_is_the_last(serve: Serve, caller: Caller, token: str) -> None:
    async with serve(most=0):
        assert (await caller.ask(failing("f1", token)))["code"] == "internal"
        assert len(await caller.letters(1)) == 1


async def test_a_ladder_waits_in_one_queue_for_each_delay(
    broker: DevBroker, prefix: str, database: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    ladder = quick(prefix, timedelta(milliseconds=50), timedelta(milliseconds=150))
    assert ladder.retries == (f"{prefix}.requests.retry.50ms", f"{prefix}.requests.retry.150ms")
    async with calling(broker.url, ladder) as caller, serving(note_api(), broker.url, ladder, database):
        await caller.ask(failing("f1", token))
        (letter,) = await caller.letters(1)
    headers: Any = letter.properties.headers
    assert headers["x-death"][0]["queue"] == ladder.retries[1]


async def test_a_token_that_expires_while_its_request_waits_still_counts(
    serve: Serve, caller: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    clocked = Keyring(SECRET, issuer="test", clock=lambda: now[0])
    monkeypatch.setattr("support.serving.keyring", lambda: clocked)
    short = clocked.issue("7", timedelta(seconds=60))
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve():
        await caller.send(failing("f1", short))
        await until(lambda: "retry #1 for f1 because not now" in caplog.messages, "the first retry")
        now[0] += 3600
        assert (await caller.reply())["code"] == "retries_exhausted"
        assert (await caller.ask(failing("f2", short)))["code"] == "unauthenticated"


async def test_neither_token_nor_ticket_nor_password_is_in_letters_and_log(
    serve: Serve, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signing_up = {"user": "temporary", "password": "hunter2"}
    async with serve(most=1):
        await caller.ask(failing("f1", token))
        await caller.ask({"id": "s1", "version": "v1", "action": "sign_up", "data": signing_up})
        letters = await caller.letters(2)
    written = [caplog.text, *(str(letter) for letter in letters)]
    for secret in (token, "hunter2", "Ticket "):
        assert not [text for text in written if secret in text]
    assert [json.loads(letter.body).get("redrivable") for letter in letters] == [None, False]


@pytest.mark.parametrize("count", [1, 2])
async def test_a_retry_of_one_request_is_no_ticket_for_another(serve: Serve, caller: Caller, count: int) -> None:
    stolen = keyring().issue_ticket(Ticket(Principal("7"), "other", count))
    async with serve():
        asked = {"id": "f1", "version": "v1", "action": "count", "data": {}, "auth": stolen}
        refused = await caller.ask(asked, headers={"x-retry-count": count})
        assert refused["code"] == "unauthenticated"


@pytest.mark.parametrize("then", ["before:exit", "after:exit"])
async def test_an_action_that_wants_to_exit_ends_neither_its_lane_nor_its_worker(
    serve: Serve, caller: Caller, token: str, then: str
) -> None:
    async with serve(most=0):
        assert (await caller.ask(failing("f1", token, then)))["code"] == "internal"
        assert (await caller.ask(failing("f2", token, "")))["status"] == "ok"


async def test_an_async_action_that_cancels_itself_is_settled_all_the_same(serve: Serve, caller: Caller) -> None:
    async with serve(most=0):
        asked = {"id": "s1", "version": "v1", "action": "sign_up", "data": {"user": "cancelled", "password": "p"}}
        assert (await caller.ask(asked))["code"] == "internal"


async def test_a_request_of_the_largest_size_is_retried_like_any_other(
    serve: Serve, caller: Caller, token: str
) -> None:
    asked = failing("f1", token) | {"padding": ""}
    asked["data"] = {"text": "x", "then": "after:temporary", "padding": "y" * (LARGEST_REQUEST - 700)}
    async with serve():
        assert (await caller.ask(asked))["code"] == "retries_exhausted"
        (letter,) = await caller.letters(1)
    assert letter.properties.headers is not None
    assert letter.properties.headers["x-retry-count"] == 3
