"""An application whose requests fail for chosen causes, with a worker, letters, and a judge of what would happen."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from leveret import App, Client, Context
from leveret.amqp import Addresses, Delivery
from leveret.application.surroundings import Surroundings
from leveret.devbroker.memory.broker import MemoryBroker
from leveret.errors import Conflict
from leveret.letters.look import look_at_messages
from leveret.letters.redrive import NotRedrivable
from leveret.letters.walk import Decision, Keep, Send, walk
from leveret.operate.what_if import Prediction, open_judge
from leveret.process.clock import MACHINE
from leveret.settings import Settings
from leveret.sql import create_engine

SECRET = "s" * 32
LIMIT = 30.0
ADDRESS = Addresses.of("amqp://memory")
CAUSES = {
    "disk": OSError("the disk is full"),
    "key": KeyError("price"),
    "rate": ZeroDivisionError("no rate"),
    "name": ValueError("no such name"),
    "card": RuntimeError("the card is away"),
}


class Mailer:
    """Acts outside the database."""


@dataclass
class Shop:
    """An application that takes orders; `broken` are the causes for which it fails, `refused` those that it refuses.

    `instead` holds what happens for a cause beside that."""

    broken: set[str] = field(default_factory=lambda: set(CAUSES))
    refused: set[str] = field(default_factory=set)
    instead: dict[str, Callable[[], object]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    app: App[Any] = field(default_factory=lambda: App("shop"))
    orders: sa.Table = field(init=False)

    def __post_init__(self) -> None:
        metadata = sa.MetaData()
        name = sa.Column("name", sa.String(50), unique=True)
        self.orders = sa.Table("orders", metadata, sa.Column("id", sa.Integer, primary_key=True), name)
        self.app = App("shop", tables=metadata)
        self.app.resource(_mailer)
        self.app.action("v1", "order", writes=True)(self.order)
        self.app.action("v1", "pure", writes=True, outside=False)(self.with_mailer)
        self.app.action("v1", "mail", writes=True)(self.with_mailer)
        self.app.action("v1", "print", writes=True, outside=True)(self.order)
        self.app.action("v1", "wait", writes=True)(self.wait)

    def order(self, context: Context, name: str, cause: str = "") -> int:
        """Keep an order, and then fail if the cause is not mended."""
        self.sent.append(name)
        row = self.orders.insert().values(name=name).returning(self.orders.c.id)
        number = context.connection.execute(row).scalar_one()
        if cause in self.instead:
            self.instead[cause]()
        if cause in self.refused:
            raise Conflict(f"no {cause} for {name}")
        if cause in self.broken:
            raise CAUSES[cause]
        return int(number)

    def with_mailer(self, context: Context, name: str, mailer: Mailer, cause: str = "") -> int:
        """Keep an order, with a mailer at hand."""
        assert isinstance(mailer, Mailer)
        return self.order(context, name, cause)

    async def wait(self, context: Context, name: str, cause: str = "") -> int:
        """Keep an order in a transaction that it asks for."""
        if cause in self.broken:
            raise CAUSES[cause]
        added = self.orders.insert().values(name=name)
        await context.transaction(lambda connection: connection.execute(added).rowcount)
        return 1


def _mailer() -> Mailer:
    return Mailer()


@dataclass
class Running:
    """A shop whose letters lie in a broker in memory, and whose orders are in an SQLite file."""

    shop: Shop
    settings: Settings
    broker: MemoryBroker
    folder: Path

    @property
    def surroundings(self) -> Surroundings:
        """What its workers are put into."""
        return Surroundings(connect=self.broker.connect)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Client]:
        """Run a worker, and yield a client of it."""
        app, topology = self.shop.app, self.shop.app.topology(self.settings)
        async with app.worker(self.settings, "test", surroundings=self.surroundings) as worker:
            running = asyncio.create_task(worker.run())
            consuming = asyncio.create_task(worker.consuming.wait())
            await asyncio.wait({running, consuming}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
            consuming.cancel()
            if running.done():
                running.result()
            client = Client("amqp://memory", topology, connect=self.broker.connect)
            try:
                async with client:
                    yield client
            finally:
                worker.stop()
                await asyncio.wait_for(running, LIMIT)

    async def become_letters(self, *asked: tuple[str, str, str]) -> None:
        """Have requests become letters: of each its id, its action and its cause; its order is named for its id."""
        token = self.shop.app.keyring(self.settings).issue("7", timedelta(hours=1))
        async with self.worker() as client:
            for request_id, action, cause in asked:
                data = {"name": request_id, "cause": cause}
                await client.send(action, data, token=token, id=request_id)
            await self.until_letters(len(asked))

    async def depth(self, *, letters: bool = True) -> int:
        """Return how many letters, or how many requests, are ready."""
        topology = self.shop.app.topology(self.settings)
        connection = await self.broker.connect(ADDRESS, name="test")
        channel = await connection.channel()
        queue = topology.dead_letters if letters else topology.requests
        return (await channel.declare_queue(queue, passive=True)).messages

    async def until_letters(self, count: int) -> None:
        """Wait until that many letters are ready."""
        async with asyncio.timeout(LIMIT):
            while await self.depth() != count:  # noqa: ASYNC110 - the queue is the broker's
                await asyncio.sleep(0.005)

    async def letters(self) -> list[Delivery]:
        """Return all letters in their order."""
        connection = await self.broker.connect(ADDRESS, name="test")
        return await look_at_messages(connection, self.shop.app.topology(self.settings), 2000)

    async def predict(self, letters: Sequence[Delivery], *, named: bool = True) -> list[Prediction]:
        """Return what would become of letters."""
        async with open_judge(self.shop.app, self.settings) as judge:
            return await asyncio.to_thread(lambda: [judge.judge(letter, named=named) for letter in letters])

    async def redrive(self) -> dict[str, str]:
        """Send all letters again; return why some stay, by the ids of their requests."""
        redriver, stays = self.shop.app.redriver(self.settings), dict[str, str]()

        def decide(delivery: Delivery) -> Decision:
            try:
                return Send(redriver.message(delivery, named=True))
            except NotRedrivable as error:
                stays[delivery.properties.correlation_id or ""] = str(error)
                return Keep()

        connection = await self.broker.connect(ADDRESS, name="test")
        await walk(connection, redriver.topology, decide, lambda *_: None)
        return stays

    def dump(self) -> list[tuple[Any, ...]]:
        """Return everything in the database."""
        engine = create_engine(self.settings.database_url, file="look")
        inspector = sa.inspect(engine)
        with engine.connect() as connection:
            tables = [sa.table(name) for name in sorted(inspector.get_table_names())]
            rows = [
                [(table.name, *row) for row in connection.execute(sa.select(sa.text("*")).select_from(table))]
                for table in tables
            ]
        engine.dispose()
        return list(itertools.chain.from_iterable(rows))

    async def until_executed(self, ids: Collection[str]) -> None:
        """Wait until these requests have a response which is stored."""
        async with asyncio.timeout(LIMIT):
            while len(self.executed(ids)) < len(ids):  # noqa: ASYNC110 - the database is the worker's
                await asyncio.sleep(0.005)

    def executed(self, ids: Collection[str]) -> set[str]:
        """Return the ids of requests that have a response which is stored."""
        return {str(value) for row in self.dump() if row[0] == "processed_requests" for value in row if value in ids}


def running_shop(folder: Path, database: str = "", **options: Any) -> Running:
    """Make a shop with an SQLite file in a folder, or with a database; it needs a running event loop."""
    shop, url = Shop(**options), database or f"sqlite:///{folder}/shop.db"
    given = {"JWT_SECRET": SECRET, "DATABASE_URL": url, "MAX_RETRIES": "0", "LETTERS_STREAM": "off"}
    settings = replace(
        shop.app.defaults.updated({f"SHOP_{name}": value for name, value in given.items()}), amqp_url="amqp://memory"
    )
    shop.app.prepare_database(settings, migrate=True)
    return Running(shop, settings, MemoryBroker(MACHINE), folder)
