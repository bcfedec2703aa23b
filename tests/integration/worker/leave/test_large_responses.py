"""Responses over the limit are refused, cost nobody else anything, and leave nothing behind."""

import logging

import pytest
import sqlalchemy as sa

from leveret.api import Api, Context
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.notes import note_api, notes
from support.serving import Broker, Caller, serving

LIMIT = 4096
LARGE = WorkerOptions(name="test", largest_response=LIMIT, replay_all=True)


def large_api() -> Api:
    """Actions of every kind that answer a text as long as the request's id says."""
    api = note_api()

    @api.action("v1", "read")
    def read(context: Context) -> str:
        return _text(context)

    @api.action("v1", "read_async")
    async def read_async(context: Context) -> str:
        return _text(context)

    @api.action("v1", "add", writes=True)
    def add(context: Context) -> str:
        return _add(context.connection, _text(context))

    @api.action("v1", "add_async", writes=True)
    async def add_async(context: Context) -> str:
        return await context.transaction(_add, _text(context))

    @api.action("v1", "make_async", writes=True)
    async def make_async(context: Context) -> str:
        return _text(context)

    return api


def _text(context: Context) -> str:
    return "x" * int(context.request.id.rpartition("-")[2])


def _add(connection: sa.Connection, text: str) -> str:
    connection.execute(notes.insert().values(owner="7", text="added"))
    return text


@pytest.mark.parametrize("action", ["read", "read_async", "add", "add_async", "make_async"])
async def test_a_response_over_the_limit_is_an_error_that_says_so_and_nothing_of_it_stays(
    broker: Broker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    action: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    ids = ["a-10", f"b-{LIMIT}", "c-20", f"d-{LIMIT * 1000}", "e-30"]
    async with serving(large_api(), broker.url, topology, database, options=LARGE):
        for request_id in ids:
            await caller.send({"id": request_id, "version": "v1", "action": action, "data": {}, "auth": token})
        replies = [await caller.reply() for _ in ids]
        found = {reply["correlation_id"]: reply for reply in replies}
        count = {"id": "count", "version": "v1", "action": "count", "data": {}, "auth": token}
        effects = (await caller.ask(count))["data"]
    for request_id in ids:
        reply, size = found[request_id], int(request_id.rpartition("-")[2])
        if size < LIMIT:
            assert reply["data"] == "x" * size
        else:
            assert (reply["status"], reply["code"]) == ("error", "internal")
            assert f"at most {LIMIT}" in reply["error"]
            assert str(size)[:3] in reply["error"]
    assert effects == (3 if action in ("add", "add_async") else 0)
    with sa.create_engine(database).connect() as connection:
        stored = set(connection.execute(sa.text("SELECT id FROM processed_requests")).scalars())
    assert stored == {"a-10", "c-20", "e-30", "count"}
    assert not [text for text in caplog.messages if text.startswith("retry ")]
    assert await caller.channel.get(topology.dead_letters) is None
