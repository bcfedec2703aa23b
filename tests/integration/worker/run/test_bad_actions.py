"""What an action must not do to its transaction, told in words, in `def` and in `async def` actions alike."""

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from leveret.api import Api
from leveret.topology import Topology
from support.notes import NoteContext, note_api, notes
from support.serving import Broker, Caller, serving


class Panic(BaseException):
    """What a native library raises when it has lost its way."""


def add(connection: sa.Connection) -> None:
    connection.execute(notes.insert().values(owner="7", text="unwanted"))


def panic(connection: sa.Connection) -> None:
    raise Panic("lost")


def commit(connection: sa.Connection) -> None:
    connection.commit()


DOINGS: dict[str, tuple[Callable[[sa.Connection], None], str]] = {
    "commit": (commit, "commit() is refused"),
    "panic": (panic, "Panic: lost"),
    "write": (add, "not declared with writes=True"),
}


def bad_api() -> Api:
    """The notes' actions, and for each bad doing one that reads and one that writes, of both kinds."""
    api = note_api()
    for name, (act, _) in DOINGS.items():
        for writes in (False, True):
            _add_actions(api, f"{name}_{'writing' if writes else 'reading'}", act, writes=writes)
    return api


def _add_actions(api: Api, name: str, act: Callable[[sa.Connection], None], *, writes: bool) -> None:
    @api.action("v1", name, writes=writes)
    def in_a_lane(context: NoteContext) -> None:
        act(context.connection)

    @api.action("v1", f"async_{name}", writes=writes)
    async def in_the_loop(context: NoteContext) -> None:
        await context.transaction(act)


@pytest.mark.parametrize("doing", DOINGS)
async def test_a_bad_doing_is_a_letter_that_names_it_and_others_are_answered(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, doing: str
) -> None:
    def request(request_id: str, action: str, **data: str) -> dict[str, object]:
        return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": token}

    kinds = ["reading"] if doing == "write" else ["reading", "writing"]
    bad = [f"{sort}{doing}_{kind}" for sort in ("", "async_") for kind in kinds]
    others = [request(f"a{number}", "write", text="x") for number in range(20)]
    for each in [*others[:10], *(request(name, name) for name in bad), *others[10:]]:
        await caller.send(each)
    async with serving(bad_api(), broker.url, topology, database):
        letters = [json.loads(letter.body) for letter in await caller.letters(len(bad))]
        replies = [await caller.reply() for _ in range(len(others) + len(bad))]
        assert (await caller.ask(request("c", "count")))["data"] == len(others)
    assert {letter["request"]["id"] for letter in letters} == set(bad)
    assert [letter["reason"] for letter in letters if DOINGS[doing][1] not in letter["reason"]] == []
    assert {reply["correlation_id"] for reply in replies if reply["status"] == "ok"} == {r["id"] for r in others}


async def test_an_action_whose_response_is_secret_may_write(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    api = note_api()

    @api.action("v1", "reveal", secret=True)
    def reveal(context: NoteContext) -> str:
        add(context.connection)
        return "secret"

    @api.action("v1", "reveal_later", secret=True)
    async def reveal_later(context: NoteContext) -> str:
        await context.transaction(add)
        return "secret"

    ask: dict[str, object] = {"version": "v1", "data": {}, "auth": token}
    async with serving(api, broker.url, topology, database):
        for name in ("reveal", "reveal_later"):
            assert (await caller.ask({**ask, "id": name, "action": name}))["data"] == "secret"
        assert (await caller.ask({**ask, "id": "c", "action": "count"}))["data"] == 2
