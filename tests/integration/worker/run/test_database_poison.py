"""A request on which the database fails costs nobody else anything: it is tried again, and at last it is a letter."""

import json
import logging

import pytest
import sqlalchemy as sa

from leveret.api import Api
from leveret.devbroker import DevBroker
from leveret.retry import ATTEMPTS_ALONE
from leveret.sql import create_engine
from leveret.sql import metadata as leveret_metadata
from leveret.topology import Topology
from support.dead_workers import delivered_before
from support.notes import NoteContext, metadata, note_api, notes
from support.serving import Caller, serving

pytestmark = pytest.mark.usefixtures("tables")


def end_connection(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.exec_driver_sql("SELECT 1")


def poisoned_api() -> Api:
    """The notes' actions, and some whose connection the database ends."""
    api = note_api()

    @api.action("v1", "write_poison", writes=True)
    def write_poison(context: NoteContext) -> None:
        context.connection.execute(notes.insert().values(owner="7", text="poison"))
        end_connection(context.connection)

    @api.action("v1", "read_poison")
    def read_poison(context: NoteContext) -> None:
        end_connection(context.connection)

    @api.action("v1", "async_poison")
    async def async_poison(context: NoteContext) -> None:
        await context.transaction(end_connection)

    @api.action("v1", "async_write_poison", writes=True)
    async def async_write_poison(context: NoteContext) -> None:
        await context.transaction(end_connection)

    return api


POISONS = ["write_poison", "read_poison", "async_poison", "async_write_poison"]


@pytest.fixture
def tables(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    leveret_metadata.create_all(engine)
    metadata.create_all(engine)
    engine.dispose()


def asked(request_id: str, action: str, auth: str) -> dict[str, object]:
    data = {"text": "x"} if action == "write" else {}
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": auth}


@pytest.mark.parametrize("redelivered", [False, True])
async def test_poison_becomes_a_letter_that_says_so_and_others_are_served_without_a_pause(
    broker: DevBroker,
    topology: Topology,
    postgres_url: str,
    caller: Caller,
    token: str,
    caplog: pytest.LogCaptureFixture,
    redelivered: bool,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    poisons = [asked(f"p-{action}", action, token) for action in POISONS]
    others = [asked(f"a{number}", "write", token) for number in range(40)]
    if redelivered:
        await delivered_before(caller, *poisons, *others)
    else:
        for request in [*others[:20], *poisons, *others[20:]]:
            await caller.send(request)
    async with serving(poisoned_api(), broker.url, topology, postgres_url, lanes=2):
        letters = await caller.letters(len(POISONS))
        replies = [await caller.reply() for _ in range(len(others) + len(POISONS))]
        assert (await caller.ask(asked("c", "count", token)))["data"] == len(others)
    for letter in letters:
        reason = json.loads(letter.body)["reason"]
        assert reason.startswith("retries exhausted: The database failed on this request and answered others: ")
        assert reason.endswith(f" ({ATTEMPTS_ALONE} attempts)")
    assert {json.loads(letter.body)["request"]["id"] for letter in letters} == {request["id"] for request in poisons}
    codes = {reply["correlation_id"]: reply.get("code") for reply in replies}
    assert codes == {**{r["id"]: None for r in others}, **{r["id"]: "retries_exhausted" for r in poisons}}
    assert not [text for text in caplog.messages if text.startswith(("paused", "put back"))]
