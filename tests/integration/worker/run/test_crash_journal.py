"""A redelivered request may have killed a worker: it runs alone, on record, and is given up after the third death."""

import json
from collections.abc import Mapping, Sequence

import pytest
import sqlalchemy as sa

from leveret.errors import StorageUnavailable
from leveret.inbox.journal import Journal
from leveret.sql import Store, create_engine, journal_rows
from leveret.sql.records import RequestKey
from leveret.sql.tables import crash_journal
from leveret.topology import Topology
from leveret.worker.arrive.arrivals import READING
from support.dead_workers import count_deaths, delivered_before
from support.notes import NoteContext, note_api
from support.serving import Broker, Caller, Serve, serving, until


def write(request_id: str, auth: str, action: str = "write", **data: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": action, "data": data or {"text": "x"}, "auth": auth}


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
    count_deaths(database, RequestKey("7", "a1"), before)
    await delivered_before(caller, write("a1", token))
    async with serve():
        assert (await caller.reply())["status"] == "ok"
    assert journal(database) == []


@pytest.mark.parametrize("action", ["write", "count"])
async def test_the_third_death_makes_it_a_dead_letter(
    serve: Serve, database: str, caller: Caller, token: str, action: str
) -> None:
    count_deaths(database, RequestKey("7", "a1"), 3)
    await delivered_before(caller, write("a1", token, action))
    async with serve():
        assert (await caller.reply())["code"] == "internal"
        (letter,) = await caller.letters(1)
        assert (await caller.ask(write("a2", token, "count")))["data"] == 0
    found = json.loads(letter.body)
    assert (found["reason"], found["code"]) == ("3 workers died while they ran this request", "workers_died")
    assert journal(database) == []


async def test_the_third_death_of_an_async_action_makes_it_a_dead_letter(
    serve: Serve, database: str, caller: Caller
) -> None:
    count_deaths(database, RequestKey("", "s1"), 3)
    await delivered_before(caller, write("s1", "", "sign_up", user="ann", password="hunter2"))
    async with serve():
        assert (await caller.reply())["code"] == "internal"
        (letter,) = await caller.letters(1)
    assert b"hunter2" not in letter.body
    assert journal(database) == []


@pytest.mark.parametrize(("principal", "action"), [("7", "write"), ("", "sign_up")])
async def test_a_request_that_was_answered_is_answered_again_although_workers_died_on_it(
    serve: Serve, database: str, caller: Caller, token: str, principal: str, action: str
) -> None:
    data = {"text": "x"} if principal else {"user": "ann", "password": "hunter2"}
    asked = write("a1", token if principal else "", action, **data)
    async with serve():
        first = await caller.ask(asked)
    count_deaths(database, RequestKey(principal, "a1"), 3)
    await delivered_before(caller, asked)
    async with serve():
        assert await caller.reply() == first
        await until(lambda: journal(database) == [], "an empty journal")
        state = await caller.channel.declare_queue(caller.topology.dead_letters, passive=True)
    assert (first["status"], state.messages) == ("ok", 0)


@pytest.mark.parametrize("then", ["before:conflict", "after:conflict", "before:temporary", "after:bug"])
async def test_an_attempt_that_fails_is_no_death(
    serve: Serve, database: str, caller: Caller, token: str, then: str
) -> None:
    await delivered_before(caller, write("a1", token, text="x", then=then))
    async with serve(most=0):
        assert (await caller.reply())["status"] == "error"
    assert journal(database) == []


async def test_a_redelivered_request_that_was_answered_is_answered_from_its_row(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve():
        first = await caller.ask(write("a1", token))
    await delivered_before(caller, write("a1", token))
    async with serve():
        assert await caller.reply() == first
        assert (await caller.ask(write("a2", token, "count")))["data"] == 1


async def test_an_async_action_that_breaks_is_no_death(serve: Serve, database: str, caller: Caller) -> None:
    await delivered_before(caller, write("s1", "", "sign_up", user="bug", password="p"))
    async with serve(most=0):
        assert (await caller.reply())["code"] == "internal"
    assert journal(database) == []


@pytest.mark.parametrize("outages", [1, 5])
async def test_an_attempt_that_an_outage_ended_is_no_death(
    serve: Serve, database: str, caller: Caller, token: str, outages: int
) -> None:
    await delivered_before(caller, write("a1", token))
    async with serve(services=[StorageUnavailable("gone for a moment") for _ in range(outages)]):
        assert (await caller.reply())["status"] == "ok"
        assert (await caller.ask(write("a2", token, "count")))["data"] == 1
    assert journal(database) == []


@pytest.mark.parametrize("how", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [False, True])
async def test_an_async_action_that_wants_to_exit_ends_nothing_but_its_attempt(
    broker: Broker, topology: Topology, database: str, caller: Caller, how: BaseException, *, before: bool
) -> None:
    api = note_api()

    @api.action("v1", "leave", public=True)
    async def leave(context: NoteContext) -> None:
        raise how

    await (delivered_before if before else Caller.send)(caller, write("a1", "", "leave"))
    async with serving(api, broker.url, topology, database, most=0):
        assert (await caller.reply())["code"] == "internal"
        assert (await caller.ask(write("a2", "", "health_check")))["status"] == "ok"
    assert journal(database) == []


async def test_deaths_are_kept_when_the_attempt_of_an_async_action_cannot_be_recorded(
    broker: Broker, topology: Topology, database: str, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an outage would take back the death of a worker that did die."""
    api, outages, begin = note_api(), [StorageUnavailable("gone for a moment")], Journal.begin
    count_deaths(database, RequestKey("", "a1"), 1)

    def begin_later(self: Journal, store: Store, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        if outages and keys[0].principal != READING:
            raise outages.pop()
        return begin(self, store, keys)

    @api.action("v1", "attempts", public=True)
    async def attempts(context: NoteContext) -> list[tuple[str, int]]:
        return journal(database)

    monkeypatch.setattr(Journal, "begin", begin_later)
    await delivered_before(caller, write("a1", "", "attempts"))
    async with serving(api, broker.url, topology, database):
        assert (await caller.reply())["data"] == [["a1", 2]]
        assert not outages
    assert journal(database) == []


async def test_an_entry_that_could_not_be_removed_at_once_is_removed_with_the_next_try(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, remove = [StorageUnavailable("gone for a moment")], journal_rows.remove
    tries: list[RequestKey] = []

    def remove_later(connection: sa.Connection, keys: Sequence[RequestKey]) -> None:
        tries.extend(key for key in keys if key.principal != READING)
        if len(tries) > 1 and failing:  # the first one belongs to the attempt and is rolled back with it
            raise failing.pop()
        remove(connection, keys)

    monkeypatch.setattr(journal_rows, "remove", remove_later)
    count_deaths(database, RequestKey("7", "a1"), 2)
    await delivered_before(caller, write("a1", token, text="x", then="after:bug"))
    async with serving(note_api(), broker.url, topology, database, most=0):
        assert (await caller.reply())["code"] == "internal"
        await until(lambda: journal(database) == [], "the entry's removal")
    assert not failing
