"""A worker in the test's event loop, and a caller that publishes requests without our client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from leveret.amqp import Address, Addresses, Channel, Connection, Delivery, Message, Properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.api import Api
from leveret.auth.keyring import Keyring
from leveret.broker.declaring import declare
from leveret.observe import Observer
from leveret.retry import RetryPolicy
from leveret.sql import Store, create_engine, metadata
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions

SECRET = b"a test's secret of 32 bytes or more"
LIMIT = 20.0
"""Seconds after which a test that waits has failed."""


def keyring() -> Keyring:
    return Keyring(SECRET, issuer="test")


def sqlite_url(folder: Path) -> str:
    """Make an SQLite file with leveret's tables, and return its URL."""
    url = f"sqlite:///{folder / 'test.db'}"
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return url


@asynccontextmanager
async def serving(
    api: Api,
    url: Addresses | str,
    topology: Topology,
    database: str,
    *,
    services: Any = None,
    most: int = 3,
    options: WorkerOptions | None = None,
    lanes: int = 1,
    on_commit: Callable[[object], None] | None = None,
    observers: Sequence[Observer] = (),
) -> AsyncIterator[Worker]:
    """Run a worker while the block runs, then stop it cleanly and wait for its end."""
    engine = create_engine(database)
    if on_commit:
        sa.event.listen(engine, "commit", on_commit)
    worker = Worker(
        api,
        url,
        [Store(engine) for _ in range(lanes)],
        keyring(),
        services,
        topology=topology,
        policy=RetryPolicy(topology.delays, most),
        options=options or WorkerOptions(name="test"),
        observers=observers,
    )
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(LIMIT):
            ready = asyncio.create_task(worker.consuming.wait())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if running.done():
                running.result()
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, LIMIT)
        engine.dispose()


Serve = Callable[..., AbstractAsyncContextManager[Worker]]
"""Function that runs a worker; everything except its options is given already."""


class Broker(Protocol):
    """A broker, of which tests need only the address."""

    @property
    def url(self) -> str: ...


@dataclass
class Caller:
    """Publishes requests as bytes, and keeps every reply."""

    connection: Connection
    channel: Channel
    topology: Topology
    replies: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)

    async def send(
        self, body: bytes | dict[str, Any], reply_to: str | None = DIRECT_REPLY_TO, **properties: Any
    ) -> None:
        """Publish one request with these properties."""
        if isinstance(body, dict):
            properties.setdefault("correlation_id", str(body.get("id", "")) or None)
            body = json.dumps(body).encode()
        asked = Properties(reply_to=reply_to, **{"delivery_mode": 2, "content_type": "application/json", **properties})
        topology = self.topology
        await self.channel.publish(Message(body, topology.requests, topology.exchange, asked, mandatory=True))

    async def reply(self, limit: float = LIMIT) -> dict[str, Any]:
        """Wait for the next reply, and return its body."""
        delivery = await asyncio.wait_for(self.replies.get(), limit)
        return dict(json.loads(delivery.body))

    async def ask(self, body: bytes | dict[str, Any], **properties: Any) -> dict[str, Any]:
        """Publish one request, wait for the next reply, and return its body."""
        await self.send(body, **properties)
        return await self.reply()

    async def nothing_waits(self) -> None:
        """Wait until no request is left in the queue."""
        async with asyncio.timeout(LIMIT):
            while (await self.channel.declare_queue(self.topology.requests, passive=True)).messages:  # noqa: ASYNC110 -- the broker does not signal it
                await asyncio.sleep(0.01)

    async def letters(self, count: int, limit: float = LIMIT) -> list[Delivery]:
        """Wait until `count` dead letters have come, and take them."""
        found: list[Delivery] = []
        async with asyncio.timeout(limit):
            while len(found) < count:
                if got := await self.channel.get(self.topology.dead_letters, no_ack=True):
                    found.append(got.delivery)
        return found


@asynccontextmanager
async def calling(url: str, topology: Topology, *, remove_after: bool = True) -> AsyncIterator[Caller]:
    """Make a caller for a topology, which is declared first and, unless a test forbids it, removed at the end."""
    connection = await Connection.open(Address.parse(url), name="test caller")
    try:
        await declare(connection, topology)
        caller = Caller(connection, await connection.channel(confirms=True), topology)
        await caller.channel.consume(DIRECT_REPLY_TO, into(caller.replies), no_ack=True)
        yield caller
    finally:
        if remove_after:
            await remove(connection, topology)
        await connection.close()


def into(queue: asyncio.Queue[Delivery]) -> Callable[[list[Delivery]], None]:
    """Return a function that puts deliveries into a queue."""

    def put(batch: list[Delivery]) -> None:
        for delivery in batch:
            queue.put_nowait(delivery)

    return put


async def remove(connection: Connection, topology: Topology) -> None:
    """Delete the queues, the streams and the exchanges of a topology."""
    channel = await connection.channel()
    for queue in (*topology.queues, *topology.streams):
        await channel.delete_queue(queue.name)
    for exchange in (topology.exchange, topology.letters_exchange):
        await channel.delete_exchange(exchange)


async def until(condition: Callable[[], Any], what: str, limit: float = LIMIT) -> None:
    """Wait until a condition holds; fail with its name if it does not hold within the limit."""
    try:
        async with asyncio.timeout(limit):
            while not condition():  # noqa: ASYNC110 -- any condition, also one of another process
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited {limit} s in vain for {what}") from None


def quick(prefix: str, *delays: timedelta) -> Topology:
    """Return a topology whose retries wait a tenth of a second."""
    return Topology(prefix, delays or (timedelta(milliseconds=100),))


def lines(records: Sequence[Any]) -> list[str]:
    """Return the texts of log records."""
    return [record.getMessage() for record in records]
