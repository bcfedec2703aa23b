"""Everything that stands around a test: broker, database, worker, client; opened for the time of a block."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from leveret.application import Application
from leveret.application.surroundings import Surroundings
from leveret.client import Client
from leveret.errors import WorkerStopped
from leveret.letters.redrive import Redriver
from leveret.settings import Settings
from leveret.sql.schema import make_all, prepare
from leveret.testing.chosen_broker import memory_broker, real_broker
from leveret.testing.client import AsyncTestClient, Setup
from leveret.testing.database import given_database, looking, memory_database, moved_clock
from leveret.testing.ledger import Ledger
from leveret.worker import Worker

T = TypeVar("T")

LIMIT: Final = 10.0
"""Seconds in which the application must be opened, the worker must begin to consume, and all must be closed."""

_NAME: Final = "test"
"""Name of the worker and of the client."""

_IN_MEMORY: Final = "sqlite:///no-such-folder/the-database-of-this-test-is-in-memory.db"
"""What the settings name when the database is in memory, so that nothing opens the application's own by mistake."""


class Options(Struct, frozen=True, kw_only=True):
    """What a test wants; see `leveret.testing.TestClient`.

    Attributes:
        app: the application.
        settings: settings to replace, by their names without the application's prefix.
        resources: instances that stand in the place of the application's resources, by their types.
        database: URL of the database; None for SQLite in memory.
        raise_errors: whether what an action raises is raised in the test.
        broker: address of a RabbitMQ; None for the broker in memory.
    """

    app: Application[Any]
    settings: Mapping[str, object]
    resources: Mapping[Any, object]
    database: str | None
    raise_errors: bool
    broker: str | None


@asynccontextmanager
async def open_client(options: Options, limit: float = LIMIT) -> AsyncIterator[AsyncTestClient]:
    """Start a worker for a test, and yield a client of it; at the end everything is gone.

    Args:
        options: what the test wants.
        limit: seconds in which lifespan and resources must be opened, and closed.

    Raises:
        SettingsError: one of the settings cannot be used.
        WorkerStopped: the worker could not begin, or has ended during the test.
        TimeoutError: lifespan and resources were not opened, or not closed, in time; the text names what has hung.
        Exception: with ``raise_errors``, at the end: as `AsyncTestClient.settled`.
        ResourceError: an action wants a resource that is missing, or one is replaced that is not there.
    """
    app, settings, changed = options.app, _settings(options), asyncio.Event()
    topology = app.topology(settings)
    async with AsyncExitStack() as stack:
        opened = memory_broker(changed.set) if options.broker is None else real_broker(options.broker, topology)
        broker = await stack.enter_async_context(opened)
        clock, posix = broker.clock, broker.clock.posix
        ledger = Ledger(clock.steady, broker.moving, changed)
        keyring = app.keyring(settings, clock=posix)
        redriver = Redriver(topology, keyring, app, retention=settings.retention, clock=posix)
        engine = stack.enter_context(_database(options, posix))
        around = Surroundings(broker.connect, clock, engine, options.resources)
        made = app.worker(settings, _NAME, observers=[ledger], surroundings=around)
        worker = await _opened(stack, made, limit)
        await stack.enter_async_context(_running(worker))
        client = Client(broker.address, topology, name=_NAME, connect=broker.connect, clock=clock)
        await stack.enter_async_context(client)
        tested = AsyncTestClient(
            client, Setup(broker, ledger, app, topology, keyring, redriver, looking(engine), options.raise_errors)
        )
        yield tested
        if options.raise_errors:
            await tested.settled()


async def _opened(stack: AsyncExitStack, manager: AbstractAsyncContextManager[T], limit: float) -> T:
    """Enter a context manager that a stack leaves, each in time."""
    async with _in_time("opened", "its lifespan has not yielded", limit):
        value = await manager.__aenter__()

    async def close(
        kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        async with _in_time("closed", "its log says what could not be", limit):
            return await manager.__aexit__(kind, error, trace)

    stack.push_async_exit(close)
    return value


@asynccontextmanager
async def _in_time(what: str, otherwise: str, limit: float) -> AsyncIterator[None]:
    """Give up a block when it takes too long; say what has hung, as far as the block has noted it."""
    try:
        async with asyncio.timeout(limit) as deadline:
            yield
    except TimeoutError as error:
        if not deadline.expired():
            raise
        why = "; ".join(getattr(error.__cause__, "__notes__", ())) or otherwise
        raise TimeoutError(f"The application is not {what} after {limit:g} s: {why}") from error


def _settings(options: Options) -> Settings:
    """Return the application's defaults with what the test replaces; the environment is not read."""
    usual = replace(
        options.app.defaults,
        amqp_url=options.broker or "amqp://memory",
        database_url=options.database or _IN_MEMORY,
        jwt_secret=secrets.token_bytes(32),
        watchdog=None,
        letters_size=None,  # each test would make streams of its own, and brokers fail where many are made and deleted
    )
    settings = usual.updated({usual.variable(name): str(value) for name, value in options.settings.items()})
    if options.broker is None:
        return settings
    return replace(settings, queue_prefix=f"{settings.queue_prefix[:40]}.test-{secrets.token_hex(6)}")


@contextmanager
def _database(options: Options, posix: Callable[[], float]) -> Iterator[sa.Engine]:
    """Open the database of the test, with the tables of this version."""
    if options.database is not None:
        prepare(options.database, options.app.schema, options.app.names, migrate=True)
        with given_database(options.database) as engine, moved_clock(engine, posix):
            yield engine
        return
    with memory_database() as engine, moved_clock(engine, posix):
        with engine.begin() as connection:
            make_all(connection, options.app.schema, options.app.name)
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
            raise ended  # it is why the block has failed, if it has
