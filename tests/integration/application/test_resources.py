"""An application whose actions have resources, with a worker as ``app.worker`` makes it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret import Actions, App, Context, Keyring, Settings
from leveret.api import CallNext
from leveret.errors import ResourceError
from leveret.settings import setting, values
from leveret.topology import Topology
from support.serving import LIMIT, Broker, Caller, calling


@dataclass(frozen=True, kw_only=True, slots=True)
class BookSettings(Settings):
    greeting: str = setting("GREETING", values.one_of("hello", "bonjour"), "hello")


class Mailer:
    def __init__(self, sender: str, keyring: Keyring) -> None:
        self.sender = sender
        self.keyring = keyring
        self.is_open = True


actions = Actions("v1")


@actions.action("greet", public=True)
def greet(context: Context[str], name: str, settings: BookSettings, mailer: Mailer, app: App) -> list[str]:
    return [f"{settings.greeting} {name}", mailer.sender, app.name, context.services]


@actions.action("settings", public=True)
async def read_settings(context: Context[str], settings: Settings, keyring: Keyring) -> list[bool]:
    return [isinstance(settings, BookSettings), keyring.verify(keyring.issue("7", timedelta(hours=1))).subject == "7"]


class Book:
    """The application, and what happened in it."""

    def __init__(self) -> None:
        self.app: App[str] = App("book", settings=BookSettings)
        self.events: list[str] = []
        self.mailers: list[Mailer] = []
        self.app.include(actions)
        self.app.resource(self.mailer)
        self.app.around(self.log)
        self.app.lifespan(self.life)

    def mailer(self, settings: BookSettings, keyring: Keyring) -> Iterator[Mailer]:
        self.mailers.append(Mailer(f"{settings.name}@example.com", keyring))
        yield self.mailers[-1]
        self.events.append("mailer closed")

    def log(self, context: Context[str], given: Any, call_next: CallNext) -> Any:
        value = call_next(context, given)
        self.events.append(f"{context.request.name} {given.name}")
        return value

    async def life(self, settings: BookSettings, app: App) -> AsyncIterator[str]:
        yield f"services of {app.name} and {settings.queue_prefix}"
        self.events.append("life over")


@asynccontextmanager
async def working(app: App[Any], settings: Settings) -> AsyncIterator[None]:
    app.prepare_database(settings)
    async with app.worker(settings, "test") as worker:
        running = asyncio.create_task(worker.run())
        try:
            await asyncio.wait_for(worker.consuming.wait(), LIMIT)
            yield
        finally:
            worker.stop()
            await asyncio.wait_for(running, LIMIT)


@pytest.fixture
def settings(broker: Broker, prefix: str, tmp_path: Path) -> BookSettings:
    return BookSettings(
        name="book",
        prefix="BOOK_",
        amqp_url=broker.url,
        queue_prefix=prefix,
        database_url=f"sqlite:///{tmp_path / 'book.db'}",
        jwt_secret=b"s" * 32,
    )


@pytest.fixture
async def caller(broker: Broker, settings: BookSettings) -> AsyncIterator[Caller]:
    topology: Topology = App[Any]("book").topology(settings)
    async with calling(broker.url, topology) as found:
        yield found


async def test_what_an_application_gives_and_builds_reaches_its_actions(settings: BookSettings, caller: Caller) -> None:
    book = Book()
    async with working(book.app, settings):
        greeting = await caller.ask({"id": "a", "version": "v1", "action": "greet", "data": {"name": "Ada"}})
        assert greeting["data"] == [
            "hello Ada",
            "book@example.com",
            "book",
            f"services of book and {settings.queue_prefix}",
        ]
        given = await caller.ask({"id": "b", "version": "v1", "action": "settings", "data": {}})
        assert given["data"] == [True, True]
        health = await caller.ask({"id": "c", "version": "v1", "action": "health_check", "data": {}})
        assert health["data"] == {"status": "ok"}
    assert book.events == ["v1.greet Ada", "mailer closed", "life over"]
    assert len(book.mailers) == 1


async def test_an_application_that_lacks_a_resource_does_not_start(settings: BookSettings) -> None:
    app: App[str] = App("book", settings=BookSettings)
    app.include(actions)
    with pytest.raises(ResourceError, match=r"^v1\.greet wants a Mailer, and no resource returns one$"):
        async with app.worker(settings, "test"):
            pytest.fail("started")


def test_an_application_knows_what_is_data_before_it_starts() -> None:
    app = Book().app
    assert app.find("v1", "greet").takes.fields == ("name",)
    assert app.find("v1", "settings").input is None
    group = Actions("v2")

    @group.action("look")
    def look(context: Context, settings: BookSettings) -> None: ...

    app.include(group)
    assert app.find("v2", "look").input is None


async def test_a_test_replaces_resources_of_an_application(settings: BookSettings) -> None:
    book, keyring = Book(), Keyring(b"s" * 32, issuer="book")
    fake = Mailer("fake", keyring)
    async with book.app.opened(settings, keyring, replaced={Mailer: fake}) as opened:
        assert opened.resources[Mailer] is fake
        assert opened.services == f"services of book and {settings.queue_prefix}"
    assert (book.mailers, book.events) == ([], ["life over"])
