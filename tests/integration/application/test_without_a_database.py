"""An application that keeps nothing: its worker needs no database, and leaves no file behind."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leveret import App, Client, Context
from support.serving import LIMIT, Broker, calling

SECRET = "s" * 32


def greeter(prefix: str) -> App[Any]:
    app: App[Any] = App("greeter", queues=prefix)

    @app.action("v1", "greet", public=True)
    def greet(context: Context, name: str = "you") -> str:
        return f"hello {name}, {context.connection.exec_driver_sql('SELECT 1').scalar_one()}"

    return app


async def test_it_answers_without_a_file(
    broker: Broker, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = greeter(prefix)
    settings = replace(app.defaults.updated({"GREETER_JWT_SECRET": SECRET}), amqp_url=broker.url)
    app.prepare_database(settings)
    async with calling(broker.url, app.topology(settings)), app.worker(settings, "test") as worker:
        running = asyncio.create_task(worker.run())
        try:
            async with Client(broker.url, prefix) as client:
                assert await client.call("greet", {"name": "Ada"}, timeout=LIMIT) == "hello Ada, 1"
                assert await client.call("health_check", timeout=LIMIT) == {"status": "ok"}
        finally:
            worker.stop()
            await asyncio.wait_for(running, LIMIT)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - in a coroutine


async def test_a_request_that_was_delivered_before_is_answered_too(broker: Broker, prefix: str) -> None:
    app = greeter(prefix)
    settings = replace(app.defaults.updated({"GREETER_JWT_SECRET": SECRET}), amqp_url=broker.url)
    body = {"id": "again", "version": "v1", "action": "greet", "data": {}, "auth": ""}
    async with calling(broker.url, app.topology(settings)) as caller:
        await caller.send(body)
        got = None
        async with asyncio.timeout(LIMIT):
            while got is None:
                got = await caller.channel.get(caller.topology.requests)
        caller.channel.nack(got.delivery.delivery_tag)
        async with app.worker(settings, "test") as worker:
            running = asyncio.create_task(worker.run())
            try:
                assert (await caller.reply())["data"] == "hello you, 1"
            finally:
                worker.stop()
                await asyncio.wait_for(running, LIMIT)
