"""A gateway of the Task Manager in the test's event loop, over RabbitMQ or direct, and callers of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from leveret.application.surroundings import Surroundings
from leveret.settings import Settings
from leveret.sql import create_engine
from leveret.web.gateway.serving import GatewayOptions, serve_gateway
from taskmanager import usecases
from taskmanager.actions import app
from taskmanager.domain import NewUser

SECRET = b"a test's secret of 32 bytes or more"
LIMIT = 20.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class HttpCaller:
    """Calls a gateway as one user.

    Attributes:
        http: the client.
        url: the gateway's address.
        settings: of the system behind it.
        headers: of each request.
    """

    http: httpx2.AsyncClient
    url: str
    settings: Settings
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, data: Any = None, **headers: str) -> httpx2.Response:
        """Send a request; names of headers are written with ``_`` for ``-``."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = {} if data is None else {"json": data}
        return await self.http.request(method, f"{self.url}{path}", headers=sent, **body)

    async def post(self, path: str, data: Any, **headers: str) -> httpx2.Response:
        """Send a POST with a key of its own, if none is given."""
        return await self.ask("POST", path, data, **{"Idempotency_Key": f"key-{next(_numbers)}", **headers})

    def as_known_user(self) -> HttpCaller:
        """Return a caller with the token of a user who is in the database; it costs no hash of a password."""
        engine = create_engine(self.settings.database_url)
        with engine.begin() as connection:
            new = NewUser(f"user{next(_numbers)}@example.org", None)
            user = usecases.register(connection, new, "no hash", datetime.now(UTC))
        engine.dispose()
        token = app.keyring(self.settings).issue(str(user.id), timedelta(hours=1))
        return replace(self, headers={"Authorization": f"Bearer {token}"})

    async def as_new_user(self) -> HttpCaller:
        """Register a user and log in."""
        account = {"email": f"user{next(_numbers)}@example.org", "password": "correct horse 1"}
        assert (await self.post("/api/v1/auth/register", account)).status_code == 201
        token = (await self.post("/api/v1/auth/login", account)).json()["access_token"]
        return replace(self, headers={"Authorization": f"Bearer {token}"})


@asynccontextmanager
async def gateway_running(
    settings: Settings, *, direct: bool, timeout: float = 10.0, metrics: tuple[str, int] | None = None
) -> AsyncIterator[str]:
    """Run a gateway while the block runs, and yield its address without a slash."""
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()
    options = GatewayOptions(port=0, direct=direct, timeout=timeout, metrics=metrics)
    serving = asyncio.create_task(serve_gateway(app, settings, options, stop, address.set_result))
    await asyncio.wait({serving, address}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    try:
        yield str(address.result()).rstrip("/")
    finally:
        stop.set()
        await asyncio.wait_for(serving, LIMIT)


def gateway_settings(folder: Path, broker_url: str, prefix: str) -> Settings:
    """Return settings of the Task Manager with a new SQLite file."""
    settings = replace(
        app.defaults,
        amqp_url=broker_url,
        database_url=f"sqlite:///{folder / 'test.db'}",
        jwt_secret=SECRET,
        queue_prefix=prefix,
        letters_size=None,
        watchdog=None,
    )
    app.prepare_database(settings)
    return settings


@asynccontextmanager
async def form_running(settings: Settings, form: str) -> AsyncIterator[HttpCaller]:
    """Run one of the two forms of the system: ``direct``, or ``rabbitmq`` with a worker of its own."""
    async with AsyncExitStack() as stack:
        if form == "rabbitmq":
            await stack.enter_async_context(worker_running(settings))
        url = await stack.enter_async_context(gateway_running(settings, direct=form == "direct"))
        http = await stack.enter_async_context(httpx2.AsyncClient())
        yield HttpCaller(http, url, settings)


@asynccontextmanager
async def worker_running(settings: Settings) -> AsyncIterator[None]:
    """Run a worker of the Task Manager while the block runs."""
    async with app.worker(settings, "test", surroundings=Surroundings()) as worker:
        running, ready = asyncio.create_task(worker.run()), asyncio.create_task(worker.consuming.wait())
        await asyncio.wait({running, ready}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
            yield
        finally:
            worker.stop()
            await asyncio.wait_for(running, LIMIT)
