"""What cannot be written of a failure costs its own request only."""

import logging
from typing import Any

import pytest

from leveret.api import Api, Context
from leveret.errors import Conflict
from leveret.topology import Topology
from support.notes import note_api
from support.serving import Broker, Caller, serving


class Unreadable(Exception):
    def __str__(self) -> str:
        raise TypeError("not even its text")


FAILURES = {
    "no text": Unreadable(),
    "half a surrogate pair": OSError("no file \udce9"),
    "details that are not JSON": Conflict("taken", details={"by": object()}),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_failure_that_cannot_be_written_becomes_a_letter_and_others_go_on(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    *,
    is_async: bool,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serving(failing_api(failure, is_async=is_async), broker.url, topology, database, most=0):
        await caller.send(request("bad", token, "fail"))
        await caller.send(request("good", token, "count"))
        found = {reply["correlation_id"]: reply["status"] for reply in [await caller.reply() for _ in range(2)]}
        assert found == {"bad": "error", "good": "ok"}
        assert len(await caller.letters(1)) == 1
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]


def request(request_id: str, token: str, action: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": {}, "auth": token}


def failing_api(failure: Exception, *, is_async: bool) -> Api:
    api = note_api()

    def fail(context: Context) -> None:
        raise failure

    async def fail_async(context: Context) -> None:
        raise failure

    api.action("v1", "fail")(fail_async if is_async else fail)
    return api
