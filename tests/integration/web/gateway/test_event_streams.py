"""Users follow their own changes over HTTP: in order, each once, from where they were cut off, and nobody else's."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import sqlalchemy as sa

from leveret.sql import create_engine
from leveret.sql.event_reading import position_of
from leveret.web.gateway.event_streams import MOST_OF_ONE
from support.event_streams import SentEvent, reading
from support.gateways import LIMIT, HttpCaller, gateway_running, gateway_settings
from support.serving import Broker
from taskmanager.actions import app


@pytest.fixture(params=["sqlite", "postgresql"])
def changed(request: pytest.FixtureRequest) -> dict[str, object]:
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("clean_postgres")}


async def create(user: HttpCaller, *titles: str) -> list[int]:
    found = []
    for title in titles:
        response = await user.post("/api/v2/tasks/", {"title": title})
        assert response.status_code == 201, response.text
        found.append(response.json()["id"])
    return found


def titles(events: list[SentEvent]) -> list[str]:
    return [event.data["data"]["title"] for event in events]


async def test_a_user_follows_what_happens_to_own_tasks(user: HttpCaller) -> None:
    async with reading(user) as stream:
        await stream.begun()
        assert stream.response.status_code == 200
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert "content-encoding" not in headers
        [task] = await create(user, "first")
        assert (await user.ask("PUT", f"/api/v1/tasks/{task}", {"title": "changed"})).status_code == 200
        assert (await user.ask("PUT", f"/api/v1/tasks/{task}", {})).status_code == 200, "it changes nothing"
        assert (await user.ask("DELETE", f"/api/v2/tasks/{task}")).status_code == 204
        events = await stream.until(lambda seen: len(seen) == 3)
    kinds = [f"taskmanager.task.{what}.v1" for what in ("created", "updated", "deleted")]
    assert [event.type for event in events] == [event.data["type"] for event in events] == kinds
    assert [event.data["subject"] for event in events] == [str(task)] * 3
    assert [event.data["data"].get("version") for event in events] == [1, 2, None]
    assert len({event.data["id"] for event in events}) == 3
    first: dict[str, Any] = events[0].data
    assert (first["specversion"], first["source"], first["datacontenttype"]) == (
        "1.0",
        "/taskmanager",
        "application/json",
    )
    assert first["data"]["title"] == "first"


async def test_a_reader_that_was_cut_off_gets_what_it_missed_once(user: HttpCaller) -> None:
    async with reading(user) as stream:
        await stream.begun()
        start = stream.last_id
        await create(user, "a", "b")
        first = await stream.next()
    await create(user, "c")
    async with reading(user, first.id) as stream:
        assert titles(await stream.until(lambda seen: len(seen) == 2)) == ["b", "c"]
    async with reading(user, start) as stream:
        again = await stream.until(lambda seen: len(seen) == 3)
    assert titles(again) == ["a", "b", "c"]
    assert again[0].data["id"] == first.data["id"]


async def test_nobody_gets_the_events_of_somebody_else(user: HttpCaller, caller: HttpCaller) -> None:
    other = caller.as_known_user()
    async with reading(user) as mine, reading(other) as theirs:
        await mine.begun()
        await theirs.begun()
        await create(other, "theirs")
        await create(user, "mine")
        assert titles(await mine.until(bool)) == ["mine"]
        assert titles(await theirs.until(bool)) == ["theirs"]
        foreign = await user.ask("GET", "/events", Last_Event_ID=theirs.last_id)
    assert (foreign.status_code, foreign.json()["code"]) == (400, "invalid_request")
    assert "Last-Event-ID is not the id of one of your events" in foreign.json()["detail"]


async def test_a_reader_that_comes_back_too_late_is_told_so(user: HttpCaller) -> None:
    async with reading(user) as stream:
        await stream.begun()
        start = stream.last_id
    engine = create_engine(user.settings.database_url)
    with engine.begin() as connection:  # as if this database had taken the place of one that was further
        connection.execute(sa.text("DELETE FROM leveret_events"))
    engine.dispose()
    async with reading(user, _later(start, user)) as stream:
        event = await stream.next()
        assert event.type == "reset"
        await create(user, "new")
        assert titles((await stream.until(lambda seen: len(seen) == 2))[1:]) == ["new"]


async def test_a_stream_needs_a_token_and_ends_with_it(caller: HttpCaller) -> None:
    missing = await caller.ask("GET", "/events")
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
    token = app.keyring(caller.settings).issue("7", timedelta(seconds=2))
    async with reading(replace(caller, headers={"Authorization": f"Bearer {token}"})) as stream:
        assert await stream.ended() == []
    assert (await caller.ask("GET", "/events", Authorization=f"Bearer {token}")).status_code == 401


async def test_one_user_has_a_few_streams_and_no_more(user: HttpCaller, caller: HttpCaller) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(reading(user)) for _ in range(MOST_OF_ONE)]
        for stream in streams:
            await stream.begun()
        refused = await user.ask("GET", "/events")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["retry-after"] == "5"
        async with reading(caller.as_known_user()) as other:
            assert other.response.status_code == 200
    async with asyncio.timeout(LIMIT):
        while (head := await user.ask("HEAD", "/events")).status_code == 429:  # noqa: ASYNC110 -- the gateway notices by itself that streams are closed
            await asyncio.sleep(0.05)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "text/event-stream"


async def test_methods_are_named(user: HttpCaller) -> None:
    refused = await user.ask("POST", "/events", {})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_streams_end_in_order_when_the_gateway_is_stopped(tmp_path: Path, broker: Broker, prefix: str) -> None:
    settings = gateway_settings(tmp_path, broker.url, prefix)
    async with AsyncExitStack() as readers:
        async with gateway_running(settings, direct=True) as url, httpx2.AsyncClient() as http:
            user = HttpCaller(http, url, settings).as_known_user()
            streams = [await readers.enter_async_context(reading(user)) for _ in range(3)]
            for stream in streams:
                await stream.begun()
        for stream in streams:
            assert await stream.ended() == [], "the stream has a proper end"


def _later(position: str, user: HttpCaller) -> str:
    principal = _subject(user)
    found = position_of(position, principal)
    return msgspec.structs.replace(found, end=found.end + 1_000_000).text(principal)


def _subject(user: HttpCaller) -> str:
    token = user.headers["Authorization"].removeprefix("Bearer ")
    return app.keyring(user.settings).verify(token).subject
