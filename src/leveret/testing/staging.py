"""Everything that stands around a test: broker, database, worker, client; opened for the time of a block."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.api import Api
from leveret.auth.keyring import Keyring
from leveret.client import Client
from leveret.errors import WorkerStopped
from leveret.letters.redrive import Redriver
from leveret.retry import RetryPolicy
from leveret.settings import Settings
from leveret.sql import Store, metadata
from leveret.testing.client import AsyncTestClient, Stage
from leveret.testing.database import given_database, memory_database, moved_clock
from leveret.testing.ledger import Ledger
from leveret.testing.place import memory_place, real_place
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions

LIMIT: Final = 10.0
"""Seconds in which the worker must begin to consume."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a test wants; see `leveret.testing.TestClient`.

    Attributes:
        api: the application.
        settings: settings to replace, by their names without the application's prefix.
        services: handed to the actions.
        tables: the application's tables.
        database: URL of the database; None for SQLite in memory.
        raise_errors: whether what an action raises is raised in the test.
        broker: address of a RabbitMQ; None for the broker in memory.
    """

    api: Api[Any]
    settings: Mapping[str, object]
    services: Any
    tables: sa.MetaData | None
    database: str | None
    raise_errors: bool
    broker: str | None


@asynccontextmanager
async def staged(wanted: Wanted) -> AsyncIterator[AsyncTestClient]:
    """Start a worker for a test, and yield a client of it; at the end everything is gone.

    Raises:
        SettingsError: one of the settings cannot be used.
    """
    settings, changed = _settings(wanted), asyncio.Event()
    ladder = Topology(settings.queue_prefix, settings.retry_delays, settings.queue_limit)
    topology = ladder.with_delays(wanted.api.retry_delays)
    async with AsyncExitStack() as stack:
        opened = memory_place(changed.set) if wanted.broker is None else real_place(wanted.broker, topology)
        place = await stack.enter_async_context(opened)
        posix = place.clock.posix
        ledger = Ledger(place.clock.steady, place.moving, changed)
        keyring = Keyring(settings.jwt_secret or b"", issuer="test", clock=posix)
        redriver = Redriver(topology, keyring, wanted.api, retention=settings.retention, clock=posix)
        engine = stack.enter_context(_database(wanted, posix))
        worker = Worker(
            wanted.api,
            place.address,
            [Store(engine)],
            keyring,
            wanted.services,
            topology=topology,
            policy=RetryPolicy(settings.retry_delays, settings.max_retries),
            options=WorkerOptions(
                name="test",
                largest_response=settings.largest_response,
                watchdog=None,
                rate_limit=settings.rate_limit,
                prefetch=settings.prefetch,
                replay_all=settings.replay_all,
            ),
            observers=[ledger],
            connect=place.connect,
            clock=place.clock,
        )
        await stack.enter_async_context(_running(worker))
        client = Client(place.address, topology, name="test", connect=place.connect, clock=place.clock)
        await stack.enter_async_context(client)
        stage = Stage(place, ledger, topology, keyring, redriver, engine, wanted.raise_errors)
        yield AsyncTestClient(client, stage)


def _settings(wanted: Wanted) -> Settings:
    """Return the application's defaults with what the test replaces; the environment is not read."""
    defaults = Settings(name="test", prefix="TEST_", queue_prefix="test")
    texts = {defaults.variable(name): str(value) for name, value in wanted.settings.items()}
    settings = replace(defaults, jwt_secret=secrets.token_bytes(32)).updated(texts)
    return settings if wanted.broker is None else replace(settings, queue_prefix=f"test-{secrets.token_hex(6)}")


@contextmanager
def _database(wanted: Wanted, posix: Callable[[], float]) -> Iterator[sa.Engine]:
    opened = memory_database() if wanted.database is None else given_database(wanted.database)
    with opened as engine, moved_clock(engine, posix):
        with engine.begin() as connection:
            metadata.create_all(connection)
            if wanted.tables is not None:
                wanted.tables.create_all(connection)
        yield engine


@asynccontextmanager
async def _running(worker: Worker[Any]) -> AsyncIterator[None]:
    """Run a worker during a block; it consumes when the block begins.

    Raises:
        WorkerStopped: it could not begin, or has ended during the block.
    """
    running, ready = asyncio.create_task(worker.run()), asyncio.create_task(worker.consuming.wait())
    try:
        await asyncio.wait((running, ready), timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not ready.done():
            raise WorkerStopped(f"The worker does not consume after {LIMIT:g} s; its log says why")
        yield
    finally:
        ready.cancel()
        running.cancel()  # what is in hand goes back to a queue that is about to be removed
        [ended, _] = await asyncio.gather(running, ready, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended
