"""FastAPI on uvicorn with uvloop and httptools: the same echo over HTTP, without a broker.

It follows "Request Body" of FastAPI's documentation and "Settings" of uvicorn's. The client is that of aiohttp
("Client Quickstart"), with one open connection for each call in flight. The worker chooses its port and prints `ready
http://127.0.0.1:PORT`, which is the client's URL; the names of queues mean nothing here. There is no broker: if a
worker dies or does not run, its requests are lost, and nothing is delivered again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
import uvloop
from fastapi import FastAPI

import command
from tally import Figures, Load, Request, concurrent_calls

BACKLOG = 2048


def worker(_url: str, _queue: str) -> None:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        command.ready(at=f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/echo")
    async def echo(body: dict[str, Any]) -> dict[str, Any]:
        return body

    config = uvicorn.Config(
        app, port=0, loop="uvloop", http="httptools", ws="none", log_level="critical", access_log=False
    )
    listening = config.bind_socket()
    listening.listen(BACKLOG)
    uvicorn.Server(config).run(sockets=[listening])


async def make_calls(load: Load) -> Figures:
    connector = aiohttp.TCPConnector(limit=load.in_flight)
    async with aiohttp.ClientSession(load.url, connector=connector) as session:

        async def call(request: Request) -> object:
            async with session.post("/echo", json=request) as response:
                return await response.json()

        return await concurrent_calls(load, call)


def client(load: Load) -> Figures:
    return uvloop.run(make_calls(load))


if __name__ == "__main__":
    command.run(
        {"worker": worker}, client, ["fastapi", "starlette", "pydantic", "uvicorn", "httptools", "uvloop", "aiohttp"]
    )
