"""What is opened around actions, and closed again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import Struct

from leveret.api import Actions, Api, AsyncCallNext, CallNext, Context, Opened, Runtime, check_bound
from leveret.errors import ResourceError, UnknownAction
from support.contexts import context_of


class Log: ...


@dataclass(frozen=True)
class Settings:
    """Could be read from JSON, as settings can."""

    name: str = "real"


class Mailer:
    def __init__(self, log: Log, sender: str) -> None:
        self.log = log
        self.sender = sender


class Letter(Struct, frozen=True):
    to: str


class Scene:
    """An app with two resources and a lifespan, and what happened to them."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.api: Api[str] = Api()
        self.runtime: Runtime[str] = Runtime(self.api)
        self.runtime.lifespan(self.life)
        self.runtime.resource(self.mailer)
        self.runtime.resource(self.log)
        self.api.action("v1", "send")(self.send)

    async def life(self, settings: Settings) -> AsyncIterator[str]:
        self.events.append("life")
        yield f"services of {settings.name}"
        self.events.append("life over")

    def log(self) -> Iterator[Log]:
        self.events.append("log")
        yield Log()
        self.events.append("log closed")

    async def mailer(self, settings: Settings, log: Log) -> AsyncIterator[Mailer]:
        self.events.append("mailer")
        yield Mailer(log, settings.name)
        self.events.append("mailer closed")

    def send(self, context: Context[str], letter: Letter, mailer: Mailer, settings: Settings) -> list[str]:
        return [context.services, letter.to, mailer.sender, settings.name]


GIVEN = {Settings: Settings()}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def send(opened: Opened[str]) -> Any:
    action = opened.api.find("v1", "send")
    return action.call(context_of("v1.send", opened.services), *action.arguments({"to": "you"}))


async def test_an_action_gets_its_resources_and_all_is_closed_in_reverse(scene: Scene) -> None:
    async with scene.runtime.opened(GIVEN) as opened:
        assert scene.events == ["life", "log", "mailer"]
        assert send(opened) == ["services of real", "you", "real", "real"]
        assert send(opened) == send(opened)
        mailer = opened.resources[Mailer]
        assert isinstance(mailer, Mailer)
        assert mailer.log is opened.resources[Log]
        check_bound(opened.api)
    assert scene.events == ["life", "log", "mailer", "mailer closed", "log closed", "life over"]


async def test_what_was_opened_may_be_opened_again(scene: Scene) -> None:
    for _ in range(2):
        async with scene.runtime.opened(GIVEN) as opened:
            send(opened)
    assert scene.events.count("mailer") == 2


async def test_a_worker_of_an_api_that_is_not_opened_would_lack_its_resources(scene: Scene) -> None:
    scene.api.know(GIVEN)
    with pytest.raises(ResourceError) as caught:
        check_bound(scene.api)
    assert caught.value.problems == (
        "v1.send wants a Mailer, and no resource returns one",
        "v1.send wants a Settings, and no resource returns one",
    )


async def test_what_the_app_gives_is_known_as_a_resource_whenever_an_action_is_registered(scene: Scene) -> None:
    def look(context: Context, settings: Settings) -> str:
        return settings.name

    group = Actions("v2")
    group.action("look")(look)
    scene.api.include(group)
    scene.api.know(GIVEN)
    scene.api.action("v1", "look")(look)
    scene.api.inherit("v3", parent="v2")
    for version in ("v1", "v2", "v3"):
        assert scene.api.find(version, "look").input is None
    other: Api = Api()
    other.include(group)
    assert other.find("v2", "look").input is Settings, "another API does not know it"


async def test_a_resource_makes_its_type_a_resource_in_actions_before_and_after_it() -> None:
    api = Api[Any]()
    runtime = Runtime(api)

    def look(context: Context, settings: Settings) -> str:
        return settings.name

    def settings() -> Settings:
        return Settings("built")

    api.action("v1", "before")(look)
    assert api.find("v1", "before").input is Settings
    runtime.resource(settings)
    api.action("v1", "after")(look)
    assert [action.input for action in api] == [None, None]
    async with runtime.opened() as opened:
        assert [action.call(context_of(action.full_name)) for action in opened.api] == ["built", "built"]


async def test_in_a_test_an_instance_stands_in_the_place_of_a_resource(scene: Scene) -> None:
    fake = Mailer(Log(), "fake")
    async with scene.runtime.opened(GIVEN, replaced={Mailer: fake, Settings: Settings("test")}) as opened:
        assert send(opened) == ["services of test", "you", "fake", "test"]
        assert scene.events == ["life"], "neither the mailer is built, nor what only it needs"
    assert scene.events == ["life", "life over"]


async def test_actions_resources_and_the_lifespan_may_name_a_type_beside_none() -> None:
    api = Api[Any]()
    runtime = Runtime(api)

    @runtime.lifespan
    async def life(settings: Settings | None, log: Log | None = None) -> AsyncIterator[Any]:
        yield settings, log

    @runtime.resource
    def mailer(log: Log | None = None, settings: Settings | None = None) -> Mailer:
        return Mailer(log or Log(), settings.name if settings else "nobody")

    @api.action("v1", "send")
    def send(context: Context, mailer: Mailer | None = None, settings: Settings | None = None) -> Any:
        return mailer and mailer.sender, settings, context.services

    async with runtime.opened(GIVEN) as opened:
        action = opened.api.find("v1", "send")
        assert action.input is None
        given = GIVEN[Settings]
        assert action.call(context_of("v1.send", opened.services)) == ("real", given, (given, None))


async def test_what_no_resource_returns_cannot_be_replaced(scene: Scene) -> None:
    with pytest.raises(ResourceError, match=r"^Letter cannot be replaced: no resource returns one$"):
        async with scene.runtime.opened(GIVEN, replaced={Letter: Letter("x")}):
            pytest.fail("opened")
    assert scene.events == []


async def hasty(mailer: Mailer, count: int = 0) -> AsyncIterator[None]:
    yield


async def test_all_that_is_missing_is_said_before_anything_is_opened() -> None:
    runtime = Runtime(api := Api[Any]())

    @api.action("v1", "sign")
    def sign(context: Context, mailer: Mailer) -> None: ...

    @runtime.resource
    def settings(log: Log) -> Settings:
        pytest.fail("built")

    @api.action("v1", "look")
    def look(context: Context, settings: Settings) -> None: ...

    runtime.lifespan(hasty)
    with pytest.raises(ResourceError) as caught:
        await runtime.opened(replaced={Log: Log()}).__aenter__()
    assert [problem.replace(__name__, "here") for problem in caught.value.problems] == [
        "v1.sign wants a Mailer, and no resource returns one",
        "here.hasty wants a Mailer, and a lifespan has only what the app itself gives",
        "Log cannot be replaced: no resource returns one",
    ]


async def test_other_actions_may_be_opened_with_the_resources_of_an_app(scene: Scene) -> None:
    def look(context: Context, settings: Settings, mailer: Mailer) -> str:
        return f"{settings.name} {mailer.sender}"

    other = Api[str]()
    other.action("v1", "look")(look)
    async with scene.runtime.opened(GIVEN, actions=other) as opened:
        (action,) = opened.api
        assert action.call(context_of("v1.look")) == "real real"


async def test_a_lifespan_may_be_decorated_and_there_is_one() -> None:
    runtime = Runtime(Api[Any]())

    @runtime.lifespan
    @asynccontextmanager
    async def life() -> AsyncIterator[str]:
        yield "services"

    async with runtime.opened() as opened:
        assert opened.services == "services"
    with pytest.raises(ValueError, match=r"An app has one lifespan, and not two: .*life and .*life"):
        runtime.lifespan(life)


async def test_without_resources_and_lifespan_the_services_are_none() -> None:
    api = Api[Any]()
    api.action("v1", "ping")(lambda _: None)
    async with Runtime(api).opened() as opened:
        assert (opened.services, opened.resources) == (None, {})
        assert opened.api.find("v1", "ping").call is api.find("v1", "ping").function
        with pytest.raises(UnknownAction):
            opened.api.find("v1", "pong")


async def test_a_lifespan_that_does_not_yield_is_refused() -> None:
    async def life() -> str:
        return "services"

    def sync() -> Iterator[str]:
        yield "services"

    functions: list[Any] = [life, sync]
    for function in functions:
        with pytest.raises(ValueError, match=r"a lifespan is an async def function that yields once"):
            Runtime(Api[Any]()).lifespan(function)


async def test_hooks_surround_the_actions_of_an_opened_app(scene: Scene) -> None:
    @scene.runtime.around
    def hook(context: Context, given: Any, call_next: CallNext) -> Any:
        scene.events.append(f"around {given.to}")
        return call_next(context, given)

    @scene.runtime.around
    async def later(context: Context, given: Any, call_next: AsyncCallNext) -> Any: ...

    async with scene.runtime.opened(GIVEN) as opened:
        assert send(opened)[1] == "you"
    assert "around you" in scene.events


async def test_the_work_ends_as_it_ended_whatever_is_closed(scene: Scene) -> None:
    for error in (RuntimeError("work"), asyncio.CancelledError(), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            async with scene.runtime.opened(GIVEN):
                raise error
        assert caught.value is error
        assert scene.events[-3:] == ["mailer closed", "log closed", "life over"]


def test_a_type_checker_refuses_a_lifespan_of_other_services_and_a_hook_of_another_form() -> None:
    async def life() -> AsyncIterator[str]:
        yield "services"

    def hook(context: Context, call_next: CallNext) -> Any: ...

    numbers = Runtime(Api[int]())
    numbers.lifespan(life)  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(ValueError, match="a hook takes"):
        numbers.around(hook)  # type: ignore[type-var]  # that is what is refused
