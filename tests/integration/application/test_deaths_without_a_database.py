"""A request that kills workers ends as a letter also where no crash journal outlives a worker."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leveret import App, Client, Context
from leveret.amqp import Delivery
from support.serving import LIMIT, Broker, Caller, calling

SECRET = "s" * 32
PROGRAM = """
import os

from leveret import App

app = App("deadly")

@app.action("v1", "die", public=True)
def die(context) -> str:
    os._exit(9)

@app.action("v1", "die_later", public=True)
async def die_later(context) -> str:
    os._exit(9)

@app.action("v1", "greet", public=True)
def greet(context) -> str:
    return "hello"
"""


def surviving(prefix: str) -> App[Any]:
    """The same application, whose actions end."""
    app: App[Any] = App("deadly", queues=prefix)

    def run(context: Context) -> str:
        return "hello"

    async def run_later(context: Context) -> str:
        return "hello"

    app.action("v1", "die", public=True)(run)
    app.action("v1", "greet", public=True)(run)
    app.action("v1", "die_later", public=True)(run_later)
    return app


async def come_back(caller: Caller, times: int) -> None:
    """Let what is in the queue come back to it, as if a worker had died that many times."""
    for _ in range(times):
        channel = await caller.connection.channel()
        got = None
        async with asyncio.timeout(LIMIT):
            while got is None:
                got = await channel.get(caller.topology.requests)
        await channel.close()


async def run_until_it_dies(folder: Path, broker: Broker, prefix: str) -> int:
    (folder / "deadly.py").write_text(PROGRAM)
    named = {"AMQP_URL": broker.url, "QUEUE_PREFIX": prefix, "JWT_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "leveret", "worker", "deadly:app"),
        cwd=folder,
        env={**os.environ, **{f"DEADLY_{name}": value for name, value in named.items()}},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answered(app: App[Any], broker: Broker, caller: Caller) -> tuple[dict[str, Any], list[Delivery]]:
    """Let a worker of this process take what waits, and return its answer and the letters."""
    settings = replace(app.defaults.updated({"DEADLY_JWT_SECRET": SECRET}), amqp_url=broker.url)
    async with app.worker(settings, "test") as worker:
        running = asyncio.create_task(worker.run())
        try:
            reply = await caller.reply()
            async with Client(broker.url, caller.topology.prefix) as client:
                assert await client.call("greet", timeout=LIMIT) == "hello"
            return reply, await caller.letters(1) if reply["status"] == "error" else []
        finally:
            worker.stop()
            await asyncio.wait_for(running, LIMIT)


@pytest.mark.parametrize("action", ["die", "die_later"])
async def test_a_request_that_came_back_twenty_times_becomes_a_letter(
    broker: Broker, prefix: str, tmp_path: Path, action: str
) -> None:
    app = surviving(prefix)
    async with calling(broker.url, app.topology(app.defaults)) as caller:
        await caller.send({"id": "poison", "version": "v1", "action": action, "data": {}, "auth": ""})
        await come_back(caller, 19)
        assert await run_until_it_dies(tmp_path, broker, prefix) == 9
        reply, [letter] = await answered(app, broker, caller)
    assert reply["code"] == "internal"
    found = json.loads(letter.body)
    assert (found["reason"], found["code"]) == ("3 workers died while they ran this request", "workers_died")
    assert found["request"]["id"] == "poison"


@pytest.mark.parametrize("action", ["die", "die_later"])
async def test_one_that_came_back_less_often_is_executed(broker: Broker, prefix: str, action: str) -> None:
    app = surviving(prefix)
    async with calling(broker.url, app.topology(app.defaults)) as caller:
        await caller.send({"id": "unlucky", "version": "v1", "action": action, "data": {}, "auth": ""})
        await come_back(caller, 19)
        reply, letters = await answered(app, broker, caller)
    assert (reply["data"], letters) == ("hello", [])


async def test_a_message_that_kills_its_readers_becomes_a_letter_unread(broker: Broker, prefix: str) -> None:
    app = surviving(prefix)
    async with calling(broker.url, app.topology(app.defaults)) as caller:
        await caller.send({"id": "deep", "version": "v1", "action": "greet", "data": {}, "auth": ""})
        await come_back(caller, 21)
        _, [letter] = await answered(app, broker, caller)
    assert json.loads(letter.body)["reason"] == "3 workers died while they read this message"
