"""Edited letters on a real broker and real databases: the new request is sent again, and is executed once."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.letters.document import secrets_of
from leveret.letters.edit.editor import EditedLetter, LetterEditor
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index.opening import Source, up_to_date
from leveret.letters.letter import request_id
from leveret.letters.redrive import Redriver
from leveret.letters.removal import LetterFate
from leveret.operate.edit import EditPlan, Executed, plan_edits, replace_letters
from leveret.sql import create_engine
from leveret.sql import metadata as frameworks
from leveret.topology import Topology
from leveret.wire.ids import new_id
from leveret.wire.kept import iso_time
from leveret.wire.letter import LetterEdit, decode_letter
from leveret.worker import Worker
from support.notes import metadata, note_api
from support.redriving import Again, depths, ids_of, letters_of, until_depth
from support.serving import Broker, Caller, keyring, quick, serving

API = note_api()
LATER = timedelta(days=7)
TOLD = LetterEdit(iso_time(datetime.now(UTC)), "ada", "a wrong field")


@pytest.fixture
def topology(prefix: str) -> Topology:
    return replace(quick(prefix), letters_size=2**26)


@pytest.fixture
def serve(broker: Broker, topology: Topology, empty_url: str) -> Callable[..., AbstractAsyncContextManager[Worker]]:
    engine = create_engine(empty_url)
    frameworks.create_all(engine)
    metadata.create_all(engine)
    engine.dispose()
    return partial(serving, API, broker.url, topology, empty_url)


@pytest.fixture
def source(broker: Broker, topology: Topology, tmp_path: Path) -> Source:
    return Source(broker.url, topology, frozenset(), tmp_path / "index.db")


def writing(request_id: str, auth: str, then: str = "after:temporary") -> dict[str, Any]:
    data = {"text": "x", "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": auth}


def editing(topology: Topology, **changes: str) -> Callable[[Delivery], EditedLetter]:
    """Return what changes a letter's data; by default it takes the fault out."""
    changed = changes or {"then": ""}
    redriver = Redriver(topology, keyring(), API, retention=LATER)
    editor = LetterEditor(redriver, keyring(), API, secrets_of(API))
    return lambda letter: editor.edit(letter, lambda _, data: {**data, **changed}, TOLD, new_id())


async def plan(source: Source, *ids: str) -> EditPlan:
    return await plan_edits(source, LetterFilter(ids=ids), editing(source.topology))


async def test_an_edited_letter_is_sent_again_as_the_new_request_and_executed_once(
    serve: Any, caller: Caller, token: str, again: Again, source: Source, empty_url: str
) -> None:
    async with serve(most=1):
        for each in ("a", "b", "c"):
            await caller.ask(writing(each, token))
    await until_depth(caller, 3)
    found = await Executed(empty_url).taken_out(await plan(source, "a", "c", "nobody"))
    assert ([each.request_id for each in found.edits], found.refused, found.missing) == (["a", "c"], (), ("nobody",))
    told: list[LetterFate] = []
    report = await replace_letters(source.url, source.topology, found.edits, told.append)
    assert (report.done, report.kept, report.complete) == (2, 0, True)
    assert sorted(map(str, await ids_of(caller))) == ["a", "b", "c"]
    assert [fate.id for fate in told] == ["a", "c"]
    edits = {request_id(each): decode_letter(each.body).edited for each in await letters_of(caller)}
    assert edits == {"a": [TOLD], "b": UNSET, "c": [TOLD]}
    assert (await again.redrive(["a"])).done == 1
    async with serve(most=0):
        await caller.nothing_waits()
        asked = writing("a", token, then="")
        assert (await caller.ask(asked))["data"]["text"] == "x"
        assert (await caller.ask(writing("a", token)))["code"] == "id_reused"
        count = {"id": "n", "version": "v1", "action": "count", "data": {}, "auth": token}
        assert (await caller.ask(count))["data"] == 1
    assert await depths(caller) == [0, 2]


async def test_a_request_that_was_executed_meanwhile_is_not_edited(
    serve: Any, caller: Caller, token: str, source: Source, empty_url: str
) -> None:
    async with serve(most=0, services=[KeyError("the disk was full")]):
        await caller.ask(writing("a", token, then=""))
        await until_depth(caller, 1)
        before = await plan_edits(source, LetterFilter(), editing(source.topology, text="y"))
        assert len((await Executed(empty_url).taken_out(before)).edits) == 1
        assert (await caller.ask(writing("a", token, then="")))["status"] == "ok"
    after = await Executed(empty_url).taken_out(before)
    assert after.edits == ()
    assert "it was executed, and its response is stored" in after.refused[0].why


async def test_the_index_knows_both_letters_and_a_letter_that_is_gone_is_not_edited(
    serve: Any, caller: Caller, token: str, again: Again, source: Source
) -> None:
    async with serve(most=0):
        for each in ("a", "b"):
            await caller.ask(writing(each, token))
    await until_depth(caller, 2)
    found = await plan(source)
    await again.discard(["b"])
    report = await replace_letters(source.url, source.topology, found.edits, lambda _: None)
    assert (report.done, report.complete) == (1, False)
    assert await ids_of(caller) == ["a"]
    async with up_to_date(source) as index:
        rows = index.index.find(LetterFilter(ids=("a",), state=LetterState.ANY)).rows
        assert [str(row.state) for row in rows] == ["edited", "present"]
        [present] = index.index.find().rows
        shown = index.index.read(present.key)
    assert shown is not None
    assert shown.document is not None
    assert shown.document["letter"]["edited"][0]["by"] == "ada"


async def test_a_letter_that_became_another_one_since_the_look_is_not_replaced(
    serve: Any, caller: Caller, token: str, source: Source
) -> None:
    async with serve(most=0):
        await caller.ask(writing("a", token))
    await until_depth(caller, 1)
    [edit] = (await plan(source)).edits
    [before] = await letters_of(caller)
    changed = replace(edit, former=before.body + b" ")
    told: list[LetterFate] = []
    report = await replace_letters(source.url, source.topology, [changed], told.append)
    assert (report.done, report.kept) == (0, 1)
    assert told == [LetterFate("a", "it is not the letter that was looked at: edit it again")]
    assert [each.body for each in await letters_of(caller)] == [before.body]
