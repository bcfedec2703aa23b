"""A worker whose actions have resources, hooks around them, and a lifespan."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.api import Actions, Api, AsyncCallNext, CallNext, Context, Runtime
from leveret.errors import Conflict, Forbidden, NotFound, ResourceError
from leveret.sql import create_engine
from leveret.topology import Topology
from support.notes import notes
from support.serving import Broker, Caller, serving

events: ContextVar[list[str]] = ContextVar("events")


class Mailer:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_open = True


class House:
    """An app with actions of both kinds, and what has happened in it."""

    def __init__(self) -> None:
        self.mailers: list[Mailer] = []
        self.events: list[str] = []
        self.threads: set[str] = set()
        self.api: Api[str] = Api()
        self.runtime: Runtime[str] = Runtime(self.api)
        self.runtime.lifespan(self.life)
        self.runtime.resource(self.mailer)
        self.runtime.around(self.guard)
        self.runtime.around(self.guard_async)
        self.api.include(actions)

    async def life(self) -> AsyncIterator[str]:
        yield "house"
        self.events.append("life over")

    def mailer(self) -> Iterator[Mailer]:
        self.mailers.append(Mailer())
        yield self.mailers[-1]
        self.mailers[-1].is_open = False
        self.events.append("mailer closed")

    def guard(self, context: Context[str], given: Any, call_next: CallNext) -> Any:
        self.threads.add(threading.current_thread().name)
        add_note(context.connection, f"around {context.request.id}")
        if context.request.id.startswith("refused"):
            raise Forbidden("The hook says no")
        events.set([context.request.id])
        value = call_next(context, given)
        self.events.append(f"{context.request.name} {events.get()}")
        return value

    async def guard_async(self, context: Context[str], given: Any, call_next: AsyncCallNext) -> Any:
        if context.request.id.startswith("refused"):
            raise Forbidden("The async hook says no")
        events.set([context.request.id])
        try:
            value = await call_next(context, given)
        except Exception as error:
            self.events.append(f"{context.request.id} {type(error).__name__}: {error}")
            raise Forbidden("The hook comes too late") from error
        self.events.append(f"{context.request.name} {events.get()}")
        return value


actions = Actions("v1")


def add_note(connection: sa.Connection, text: str) -> None:
    connection.execute(notes.insert().values(owner="7", text=text))


@actions.action("send", writes=True)
def send(context: Context[str], to: str, mailer: Mailer, *, fail: bool = False) -> str:
    events.get().append(f"def to {to}")
    add_note(context.connection, f"send to {to}")
    if fail:
        raise Conflict("The action says no")
    mailer.sent.append(to)
    return context.services


@actions.action("send_later", writes=True)
async def send_later(context: Context[str], mailer: Mailer, to: str) -> str:
    events.get().append(f"async to {to}")

    def write(connection: sa.Connection) -> str:
        add_note(connection, f"later to {to}")
        if to == "nobody":
            raise NotFound("The action knows nobody")
        if to == "nowhere":
            raise KeyError(to)
        return context.services

    value = await context.transaction(write)
    mailer.sent.append(to)
    return value


@pytest.fixture
def house() -> House:
    return House()


def written(database: str) -> list[str]:
    engine = create_engine(database)
    with engine.connect() as connection:
        found = list(connection.execute(sa.select(notes.c.text).order_by(notes.c.id)).scalars())
    engine.dispose()
    return found


def request(id_: str, action: str, token: str, **data: object) -> dict[str, Any]:
    return {"id": id_, "version": "v1", "action": action, "data": data, "auth": token}


async def test_actions_of_both_kinds_share_one_resource_which_is_closed_when_the_worker_has_stopped(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, house: House
) -> None:
    async with house.runtime.opened() as opened:
        async with serving(opened.api, broker.url, topology, database, services=opened.services):
            for number in range(3):
                assert (await caller.ask(request(f"d{number}", "send", token, to="Ada")))["data"] == "house"
                assert (await caller.ask(request(f"a{number}", "send_later", token, to="Bob")))["data"] == "house"
        (mailer,) = house.mailers
        assert mailer.sent == ["Ada", "Bob"] * 3
        assert "mailer closed" not in house.events
    assert not mailer.is_open
    assert house.events[-2:] == ["mailer closed", "life over"]


async def test_a_hook_is_part_of_the_transaction_and_of_exactly_once(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, house: House
) -> None:
    async with house.runtime.opened() as opened, serving(opened.api, broker.url, topology, database, services="x"):
        for _ in range(2):
            assert (await caller.ask(request("one", "send", token, to="Ada")))["status"] == "ok"
            failed = await caller.ask(request("two", "send", token, to="Bob", fail=True))
            refused = await caller.ask(request("refused", "send", token, to="Eve"))
            assert (failed["code"], refused["code"]) == ("conflict", "forbidden")
            assert refused["error"] == "The hook says no"
    assert written(database) == ["around one", "send to Ada"], "what was refused is rolled back with its hook"
    assert house.events[0] == "v1.send ['one', 'def to Ada']"
    assert len([event for event in house.events if event.startswith("v1.send")]) == 1
    assert {name.partition("-")[0] for name in house.threads} == {"lane"}


async def test_an_async_hook_surrounds_async_actions_each_in_its_own_context(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, house: House
) -> None:
    async with house.runtime.opened() as opened, serving(opened.api, broker.url, topology, database, services="x"):
        for _ in range(2):
            for name in ("one", "two"):
                assert (await caller.ask(request(name, "send_later", token, to=name)))["status"] == "ok"
            refused = await caller.ask(request("refused", "send_later", token, to="Eve"))
            assert (refused["code"], refused["error"]) == ("forbidden", "The async hook says no")
            wrong = await caller.ask(request("three", "send_later", token, to=3))
            assert wrong["error"] == "Field to: Expected `str`, got `int`"
    assert written(database) == ["later to one", "later to two"]
    assert [event for event in house.events if event.startswith("v1.")] == [
        "v1.send_later ['one', 'async to one']",
        "v1.send_later ['two', 'async to two']",
    ]
    assert house.threads == set()


async def test_an_async_hook_sees_what_the_transaction_raised_and_has_no_say_in_the_answer(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, house: House
) -> None:
    async with (
        house.runtime.opened() as opened,
        serving(opened.api, broker.url, topology, database, services="x", most=0),
    ):
        refused = await caller.ask(request("one", "send_later", token, to="nobody"))
        failed = await caller.ask(request("two", "send_later", token, to="nowhere"))
        again = await caller.ask(request("one", "send_later", token, to="nobody"))
    assert (refused["code"], refused["error"]) == ("not_found", "The action knows nobody")
    assert again == refused
    assert failed["code"] == "internal"
    assert house.events[:2] == ["one NotFound: The action knows nobody", "two KeyError: 'nowhere'"]
    assert written(database) == []


async def test_a_worker_is_not_made_of_actions_that_lack_their_resources(
    topology: Topology, database: str, house: House
) -> None:
    with pytest.raises(ResourceError, match=r"^v1\.send wants a Mailer, and no resource returns one\nv1\.send_later "):
        async with serving(house.api, "amqp://localhost:1", topology, database):
            pytest.fail("made")
