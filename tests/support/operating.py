"""An application at a real broker whose requests become letters, and operations that send them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from leveret import App, Client, Context
from leveret.broker.connecting import BrokerTrouble, connected
from leveret.letters.document import secrets_of
from leveret.letters.filters import LetterFilter
from leveret.letters.index.opening import Source, letters_in_queue
from leveret.operate.operations import (
    OperatedSystem,
    OperationView,
    RedriveOptions,
    RedrivePlan,
    open_operations,
    plan_redrive,
    run_redrive,
)
from leveret.operate.record import Cause, open_records
from leveret.settings import Settings
from leveret.sql import create_engine
from leveret.sql.audit_rows import AuditEntry
from leveret.topology import Topology

ADA = Cause(by="ada", why="the disk is larger")
BOB = Cause(by="bob")
LIMIT = 30.0


@dataclass
class Stall:
    """Takes orders, and fails on those whose names are broken."""

    broken: set[str] = field(default_factory=set)
    app: App[Any] = field(init=False)
    orders: sa.Table = field(init=False)

    def __post_init__(self) -> None:
        metadata = sa.MetaData()
        self.orders = sa.Table("orders", metadata, sa.Column("id", sa.Integer, primary_key=True), _name())
        self.app = App("stall", tables=metadata)
        self.app.action("v1", "order", writes=True)(self.order)
        self.app.action("v1", "peek")(self.peek)

    def order(self, context: Context, name: str) -> int:
        """Keep an order."""
        row = self.orders.insert().values(name=name).returning(self.orders.c.id)
        number = int(context.connection.execute(row).scalar_one())
        self.peek(context, name)
        return number

    def peek(self, context: Context, name: str) -> int:  # noqa: ARG002 - every action takes it
        """Keep nothing."""
        if name in self.broken:
            raise OSError("the disk is full")
        return 0


def _name() -> sa.Column[str]:
    return sa.Column("name", sa.String(50))


@dataclass
class Operated:
    """A stall with its broker and its database, and what an operator does there."""

    stall: Stall
    settings: Settings
    system: OperatedSystem

    @property
    def topology(self) -> Topology:
        return self.stall.app.topology(self.settings)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Run a worker in this process."""
        async with self.stall.app.worker(self.settings, "test") as worker:
            running = asyncio.create_task(worker.run())
            consuming = asyncio.create_task(worker.consuming.wait())
            await asyncio.wait({running, consuming}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
            consuming.cancel()
            try:
                yield
            finally:
                worker.stop()
                await asyncio.wait_for(running, LIMIT)

    async def become_letters(self, *names: str, action: str = "order") -> None:
        """Have requests become letters, one after another: each fails this time, and has its name as its id."""
        before = await self.depth()
        broken, self.stall.broken = self.stall.broken, set(names)
        token = self.stall.app.keyring(self.settings).issue("7", timedelta(hours=1))
        async with self.worker(), Client(self.settings.amqp_url, self.topology) as client:
            for number, name in enumerate(names, before + 1):
                await client.send(action, {"name": name}, token=token, id=name)
                await self.until_letters(number)
        self.stall.broken = broken

    async def depth(self) -> int:
        """Return how many letters are ready; 0 where no worker has made the queue yet."""
        try:
            async with connected(self.settings.amqp_url) as connection:
                return await letters_in_queue(connection, self.topology)
        except BrokerTrouble:
            return 0

    async def until_letters(self, count: int) -> None:
        """Wait until that many letters are ready."""
        async with asyncio.timeout(LIMIT), connected(self.settings.amqp_url) as connection:
            while await letters_in_queue(connection, self.topology) != count:  # noqa: ASYNC110 - the queue is the broker's
                await asyncio.sleep(0.005)

    async def plan(self, *ids: str, options: RedriveOptions | None = None, **more: Any) -> RedrivePlan:
        """Plan to send letters again: some, or all of them."""
        return await plan_redrive(self.system, ADA, LetterFilter(ids=ids), options or RedriveOptions(wait=2.0), **more)

    async def run(self, operation: str, cause: Cause = ADA, **more: Any) -> OperationView:
        """Run an operation."""
        async with asyncio.timeout(LIMIT):
            return await run_redrive(self.system, operation, cause, **more)

    def results(self, operation: str) -> dict[str, str]:
        """Return what became of the letters of an operation, by the ids of their requests."""
        with open_operations(self.stall.app, self.settings) as operations:
            return {each.request: each.state for each in operations.letters(operation)}

    def whys(self, operation: str) -> dict[str, str]:
        """Return what is said of the letters of an operation beside that."""
        with open_operations(self.stall.app, self.settings) as operations:
            return {each.request: each.why for each in operations.letters(operation)}

    def audit(self, operation: str) -> list[AuditEntry]:
        """Return what is on record of an operation, the oldest entry first."""
        with open_records(self.stall.app, self.settings) as records:
            return list(reversed(records.history(operation=operation)))

    def ordered(self) -> list[str]:
        """Return the names of all orders."""
        engine = create_engine(self.settings.database_url, file="look")
        with engine.connect() as connection:
            found = [str(name) for (name,) in connection.execute(sa.select(self.stall.orders.c.name))]
        engine.dispose()
        return sorted(found)


@asynccontextmanager
async def operated(url: str, database: str, prefix: str, folder: Path, *, streams: bool) -> AsyncIterator[Operated]:
    """Make a stall at a broker, with queues of its own."""
    stall = Stall()
    given = {
        "JWT_SECRET": "s" * 32,
        "DATABASE_URL": database,
        "MAX_RETRIES": "0",
        "LETTERS_STREAM": "16MiB" if streams else "off",
        "QUEUE_PREFIX": prefix,
    }
    defaults = stall.app.defaults.updated({f"STALL_{name}": value for name, value in given.items()})
    settings = replace(defaults, amqp_url=url)
    stall.app.complete()
    stall.app.prepare_database(settings, migrate=True)
    topology = stall.app.topology(settings)
    source = Source(url, topology, secrets_of(stall.app), folder / "letters.db")
    try:
        yield Operated(stall, settings, OperatedSystem(stall.app, settings, source))
    finally:
        await _delete(url, topology, [queue.name for queue in topology.queues])


async def _delete(url: str, topology: Topology, queues: Collection[str]) -> None:
    async with connected(url) as connection:
        channel = await connection.channel()
        for name in (*queues, topology.letters_stream, topology.status_stream):
            await channel.delete_queue(name)
        for name in (topology.exchange, topology.letters_exchange):
            await channel.delete_exchange(name)
