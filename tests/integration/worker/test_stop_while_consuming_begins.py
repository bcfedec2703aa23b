"""A stop in the very moment in which consuming begins: what the broker has sent is finished, nothing else taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import sqlalchemy as sa

from leveret.amqp import Address
from leveret.retry import RetryPolicy
from leveret.sql import Store, create_engine
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from support.notes import note_api
from support.serving import LIMIT, Broker, Caller, keyring
from testbed.proxy import Proxy

PREFETCH = 5
MANY = 30
TURNS = 20
"""Turns of the loop in which a stop has certainly come to the point where it waits for the broker."""


class Asked(Store):
    """A store that has something done each time it was asked whether the database answers: consuming comes next."""

    def __init__(self, engine: sa.Engine, then: Callable[[], None]) -> None:
        super().__init__(engine)
        self._then = then

    def ping(self) -> None:
        """Answer, and have that done."""
        super().ping()
        self._then()


async def test_a_stop_while_consuming_begins_finishes_what_came_and_takes_nothing_else(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    for number in range(MANY):
        await caller.send({"id": f"stop-{number}", "version": "v1", "action": "health_check", "data": {}})
    address, loop, engine = Address.parse(broker.url), asyncio.get_running_loop(), create_engine(database)
    async with Proxy(address.host, address.port) as proxy:

        async def hold() -> None:
            proxy.pause(to_server=False)

        store = Asked(engine, lambda: asyncio.run_coroutine_threadsafe(hold(), loop).result(LIMIT))
        worker: Worker = Worker(
            note_api(),
            proxy.proxied(broker.url),
            [store],
            keyring(),
            None,
            topology=topology,
            policy=RetryPolicy(topology.delays, 3),
            options=WorkerOptions(prefetch=PREFETCH),
        )
        running = asyncio.create_task(worker.run())
        await proxy.held()  # the broker's answer to basic.consume: consuming has begun there, and not yet here
        worker.stop()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        proxy.resume()
        await asyncio.wait_for(running, LIMIT)
    engine.dispose()
    left = []
    while got := await caller.channel.get(topology.requests, no_ack=True):
        left.append(got.delivery)
    answered = [await caller.reply() for _ in range(MANY - len(left))]
    assert len(answered) == PREFETCH
    assert not [delivery for delivery in left if delivery.redelivered]
