"""Events of an application's users: added by actions of both kinds, read by whom they are for, and by nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from leveret import App, Context, Event
from leveret.errors import InvalidRequest, NotFound
from leveret.sql.event_reading import position_of
from leveret.testing import AsyncTestClient, TestClient

ADDED = "shop.order.added.v1"


def make_app() -> App[Any]:
    app: App[Any] = App("shop", events=True)

    @app.action("v1", "add", writes=True)
    def add(context: Context, order: str, then: str = "") -> str:
        context.add_event(Event(ADDED, {"order": order}, order))
        if then == "refuse":
            raise NotFound("gone")
        return order

    @app.action("v1", "add_later", writes=True)
    async def add_later(context: Context, order: str) -> str:
        def keep(connection: sa.Connection) -> str:
            context.add_event(Event(ADDED, {"order": order}, order), connection=connection)
            return order

        return await context.transaction(keep)

    @app.action("v1", "tell", writes=True)
    def tell(context: Context, whom: str) -> None:
        context.add_event(Event("shop.message.sent.v1", {"from": context.principal.subject}, principal=whom))

    return app


@pytest.fixture
async def client(empty_url: str) -> AsyncIterator[AsyncTestClient]:
    async with TestClient(make_app(), database=empty_url, settings={"RETENTION": "2h"}) as client:
        yield client


async def position(user: AsyncTestClient) -> str:
    text: str = (await user.call("read_events"))["position"]
    return text


async def subjects(user: AsyncTestClient, after: str) -> list[str]:
    return [event.get("subject", "") for event in (await user.call("read_events", {"after": after}))["events"]]


async def test_both_kinds_of_actions_add_events_once_and_not_when_they_are_refused(client: AsyncTestClient) -> None:
    ada = client.as_user("ada")
    start = await position(ada)
    for _ in range(2):
        await ada.call("add", {"order": "a"}, id="one")
        await ada.call("add_later", {"order": "b"}, id="two")
    with pytest.raises(NotFound):
        await ada.call("add", {"order": "c", "then": "refuse"}, id="three")
    found = await ada.call("read_events", {"after": start})
    [first, second] = found["events"]
    assert (first["type"], first["data"], first["request_id"]) == (ADDED, {"order": "a"}, "one")
    assert (second["subject"], second["request_id"]) == ("b", "two")
    assert first["id"] != second["id"]
    assert (found["more"], found["complete"]) == (False, True)
    assert await subjects(ada, first["position"]) == ["b"]
    assert await subjects(ada, second["position"]) == await subjects(ada, found["position"]) == []


async def test_without_a_position_a_reader_begins_now(client: AsyncTestClient) -> None:
    ada = client.as_user("ada")
    await ada.call("add", {"order": "before"})
    start = await ada.call("read_events")
    assert start["events"] == []
    await ada.call("add", {"order": "after"})
    assert await subjects(ada, start["position"]) == ["after"]


async def test_whom_an_event_is_for_reads_it_and_nobody_else(client: AsyncTestClient) -> None:
    ada, bob = client.as_user("ada"), client.as_user("bob")
    starts = await position(ada), await position(bob)
    await ada.call("tell", {"whom": "bob"})
    assert (await subjects(ada, starts[0]), await subjects(bob, starts[1])) == ([], [""])
    with pytest.raises(InvalidRequest, match="not the position of one of your events"):
        await bob.call("read_events", {"after": starts[0]})


async def test_pages_follow_each_other(client: AsyncTestClient) -> None:
    ada = client.as_user("ada")
    after, found, more = await position(ada), [], True
    for order in "abcde":
        await ada.call("add", {"order": order})
    while more:
        page = await ada.call("read_events", {"after": after, "limit": 2})
        found.append([event["subject"] for event in page["events"]])
        after, more = page["position"], page["more"]
    assert found == [["a", "b"], ["c", "d"], ["e"]]


async def test_whoever_comes_back_too_late_is_told_so_and_begins_now(client: AsyncTestClient) -> None:
    ada = client.as_user("ada")
    start = await position(ada)
    await ada.call("add", {"order": "a"})
    with client.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM leveret_events"))
    old = _made_at(start, seconds=-2 * 3600 - 1)
    page = await ada.call("read_events", {"after": old})
    assert (page["events"], page["complete"]) == ([], False)
    assert (await ada.call("read_events", {"after": _made_at(start, seconds=-3600)}))["complete"]
    await ada.call("add", {"order": "b"})
    assert await subjects(ada, page["position"]) == ["b"]


async def test_a_position_of_a_database_that_was_replaced_is_not_taken_for_one_of_this(client: AsyncTestClient) -> None:
    ada = client.as_user("ada")
    start = _moved(await position(ada), by=1_000_000)
    assert not (await ada.call("read_events", {"after": start}))["complete"]


async def test_doors_learn_in_which_groups_there_is_news(client: AsyncTestClient) -> None:
    ada, bob = client.as_user("ada"), client.as_user("bob")
    groups = [(await user.call("read_events"))["group"] for user in (ada, bob)]
    news = await client.call("watch_events")
    assert news["groups"] is None, "who asks for the first time has to look everywhere"
    await ada.call("add", {"order": "a"})
    news = await client.call("watch_events", {"after": news["position"]})
    assert news["groups"] == [groups[0]]
    assert (await client.call("watch_events", {"after": news["position"]}))["groups"] == []


def _made_at(position: str, *, seconds: int) -> str:
    found = position_of(position, "ada")
    return replace(found, at=found.at + seconds).text("ada")


def _moved(position: str, *, by: int) -> str:
    found = position_of(position, "ada")
    return replace(found, first=found.first + by, end=found.end + by).text("ada")
