"""A test replaces resources of an application; everything else of it is opened as a worker does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import pytest

from leveret import Actions, App, Context, Settings
from leveret.api import AsyncCallNext, CallNext
from leveret.errors import NotClosed, ResourceError
from leveret.testing import TestClient
from leveret.testing.opening import Options, open_client


class Mailer:
    def __init__(self, sender: str) -> None:
        self.sender = sender

    def send(self, to: str) -> str:
        return f"{self.sender} to {to}"


class FakeMailer(Mailer):
    def __init__(self) -> None:
        super().__init__("fake")


class Stuck: ...


@dataclass
class Place:
    name: str


EVENTS: list[str] = []


@pytest.fixture
def app() -> App[str]:
    EVENTS.clear()
    app = App[str]("post")

    @app.resource
    async def mailer(settings: Settings) -> AsyncIterator[Mailer]:
        EVENTS.append("built")
        yield Mailer(settings.name)
        EVENTS.append("closed")

    @app.lifespan
    async def life() -> AsyncIterator[str]:
        yield "services"
        EVENTS.append("life over")

    @app.around
    def hook(context: Context[str], given: Any, call_next: CallNext) -> Any:
        return ["def", call_next(context, given)]

    @app.around
    async def hook_later(context: Context[str], given: Any, call_next: AsyncCallNext) -> Any:
        return ["async", await call_next(context, given)]

    @app.action("v1", "send", writes=True, public=True)
    def send(context: Context[str], to: str, mailer: Mailer) -> Any:
        return mailer.send(to), context.services

    @app.action("v1", "send_later", writes=True, public=True)
    async def send_later(context: Context[str], to: str, mailer: Mailer) -> Any:
        return mailer.send(to), context.services

    return app


async def test_without_a_replacement_the_resources_are_built_and_closed(app: App[str], address: str | None) -> None:
    async with TestClient(app, broker=address) as client:
        assert await client.call("send", {"to": "Ada"}) == ["def", ["post to Ada", "services"]]
        assert await client.call("send_later", {"to": "Ada"}) == ["async", ["post to Ada", "services"]]
        assert EVENTS == ["built"]
    assert EVENTS == ["built", "closed", "life over"]


async def test_a_replacement_is_what_the_actions_get(app: App[str], address: str | None) -> None:
    async with TestClient(app, broker=address, resources={Mailer: FakeMailer()}) as client:
        assert await client.call("send", {"to": "Ada"}) == ["def", ["fake to Ada", "services"]]
        assert await client.call("send_later", {"to": "Ada"}) == ["async", ["fake to Ada", "services"]]
    assert EVENTS == ["life over"]


def test_a_replacement_works_without_an_event_loop(app: App[str]) -> None:
    with TestClient(app, resources={Mailer: FakeMailer()}) as client:
        assert client.call("send", {"to": "Ada"}) == ["def", ["fake to Ada", "services"]]


def test_a_function_of_a_shared_group_is_called_as_the_application_at_hand_knows_it() -> None:
    group = Actions("v1")

    @group.action("show", public=True)
    def show(context: Context, name: str, place: Place) -> str:
        return f"{name} in {place.name}"

    knowing, other = App("knowing"), App("other")
    for each in (knowing, other):
        each.include(group)

    @knowing.resource
    def place() -> Place:
        return Place("Paris")

    with TestClient(knowing) as client, TestClient(other) as other_client:
        assert client.call(cast("Any", show), "Ada") == "Ada in Paris"
        assert other_client.call(show, "Ada", Place("Rome")) == "Ada in Rome"
        assert other_client.using(timeout=5).call(show, "Ada", Place("Rome")) == "Ada in Rome"


async def test_what_no_resource_returns_cannot_be_replaced(app: App[str]) -> None:
    with pytest.raises(ResourceError, match="FakeMailer cannot be replaced: no resource returns one"):
        async with TestClient(app, resources={FakeMailer: FakeMailer()}):
            pytest.fail("opened")


def test_what_cannot_be_closed_fails_the_test(app: App[str]) -> None:
    @app.resource
    def stuck() -> Iterator[Stuck]:
        yield Stuck()
        raise OSError("stuck")

    @app.action("v1", "use", public=True)
    def use(context: Context[str], stuck: Stuck) -> None: ...

    with pytest.raises(NotClosed) as caught, TestClient(app) as client:
        client.call("use")
    assert [str(error) for error in caught.value.errors.values()] == ["stuck"]
    assert EVENTS == ["built", "closed", "life over"]


def without_a_loop(app: App) -> None:
    with TestClient(app) as client:
        client.call("health_check")


async def test_what_only_the_task_that_entered_it_can_leave_is_left_by_that_task() -> None:
    app, value = App("one-task"), ContextVar("value", default="unset")

    @app.lifespan
    async def life() -> AsyncIterator[str]:
        token = value.set("set")
        async with asyncio.TaskGroup():
            yield ""
        value.reset(token)

    door = TestClient(app)
    client = await asyncio.create_task(door.__aenter__())
    await client.call("health_check")
    await asyncio.create_task(door.__aexit__(None, None, None))
    await asyncio.to_thread(without_a_loop, app)


async def test_a_client_that_could_not_be_opened_can_be_opened_again() -> None:
    app, tries = App("second-try"), [KeyError("first"), None]

    @app.lifespan
    async def life() -> AsyncIterator[str]:
        if error := tries.pop(0):
            raise error
        yield ""

    door = TestClient(app)
    with pytest.raises(KeyError):
        await door.__aenter__()
    async with door as client:
        await client.call("health_check")


def hanging(where: str) -> App:
    app = App("hanging")

    @app.lifespan
    async def life() -> AsyncIterator[str]:
        if where == "lifespan":
            await asyncio.Event().wait()
        yield ""

    @app.resource
    async def mailer() -> AsyncIterator[Mailer]:
        if where == "opening":
            await asyncio.Event().wait()
        yield Mailer("x")
        if where == "closing":
            await asyncio.Event().wait()

    @app.action("v1", "send", public=True)
    def send(context: Context, mailer: Mailer) -> str:
        return mailer.send("you")

    return app


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("lifespan", r"is not opened after 0\.2 s: its lifespan has not yielded"),
        ("opening", r"is not opened after 0\.2 s: .*mailer.* was building a Mailer"),
        ("closing", r"is not closed after 0\.2 s: its log says"),
    ],
)
async def test_what_hangs_while_it_opens_or_closes_is_named(
    where: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = Options(app=hanging(where), settings={}, resources={}, database=None, raise_errors=False, broker=None)
    with pytest.raises(TimeoutError, match=words):
        async with open_client(options, limit=0.2):
            pass
    assert ("mailer" in caplog.text) == (where == "closing")


async def fail(error: Exception) -> None:
    raise error


async def test_a_timeout_of_a_resource_itself_stays_what_it_is() -> None:
    app = App("late")

    @app.lifespan
    async def life() -> AsyncIterator[str]:
        await fail(TimeoutError("the mail server does not answer"))
        yield ""

    with pytest.raises(TimeoutError, match=r"^the mail server does not answer$"):
        await TestClient(app).__aenter__()
