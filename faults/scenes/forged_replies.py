"""Requests with forged names of reply queues, each name new: RabbitMQ before 4.3 ends the connection that answers."""

from __future__ import annotations

import asyncio
import base64
import uuid
from typing import Final

import msgspec

from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, still_connected, summary, unharmed
from faults.system import System
from faults.workers import WorkerGroup
from leveret.amqp import Connection, Message, Properties
from leveret.client import Client

A_SECOND: Final = 20
"""Forged names a second."""

RATE: Final = 20.0
"""Requests a second of all other callers."""

TIMEOUT: Final = 10.0
"""Seconds within which each other caller gets an answer at its first try; on an idle machine it takes milliseconds."""

NO_REPLY: Final = "no reply to"
"""Text that a worker logs when it settles a request without a reply."""


@scene(
    "forged-replies",
    title="forged reply queues, 20 a second, each with a new name",
    requests=1_200,
    strikes=1_000,
    short_requests=100,
    short_strikes=60,
)
async def forged_replies(system: System, plan: Plan) -> None:
    """Send forged names while old and new clients call at their ordinary rate; each forged request is a strike."""
    load = system.load(plan.requests, rate=RATE, ask_share=1.0, timeout=TIMEOUT, until=plan.strikes)
    newcomers: list[float] = []
    async with system.workers(2) as workers, load, asyncio.TaskGroup() as group:
        group.create_task(_forge(system, load))
        group.create_task(_call_anew(system, load, newcomers))
    ended = sum(worker.count(NO_REPLY) for worker in workers.current)
    system.notes["settled without a reply"] = ended
    system.notes["first calls of new clients"] = f"{len(newcomers)}, {summary(newcomers)}"
    _judge(load, workers, newcomers)


async def _forge(system: System, load: Load) -> None:
    """Send requests that change nothing, with names of reply queues in the right form that never existed."""
    connection = await Connection.open(system.broker.url, name="forger")
    try:
        channel = await connection.channel(confirms=True)
        while await load.goes_on(1 / A_SECOND):
            body = {"id": uuid.uuid4().hex, "version": "v1", "action": "health_check", "data": {}}
            name = base64.b64encode(b"\x83" + uuid.uuid4().bytes).decode()
            properties = Properties(reply_to=f"amq.rabbitmq.reply-to.{name}.k", delivery_mode=2)
            topology = system.topology
            message = Message(
                msgspec.json.encode(body), topology.requests, topology.exchange, properties, mandatory=True
            )
            await channel.publish(message)
            system.struck()
    finally:
        await connection.close()


async def _call_anew(system: System, load: Load, seconds: list[float]) -> None:
    """Call with one new client after the other; no worker has answered to their reply queues before."""
    now = asyncio.get_running_loop().time
    while await load.goes_on(0.5):
        async with Client(system.broker.url, topology=system.topology, name="newcomer") as client:
            began = now()
            await client.call("health_check", timeout=TIMEOUT)
            seconds.append(now() - began)


def _judge(load: Load, workers: WorkerGroup, newcomers: list[float]) -> None:
    unharmed(workers)
    still_connected(workers)
    if load.errors:
        raise SceneFailed(f"callers received errors {dict(load.errors)}: {load.texts}")
    if not newcomers:
        raise SceneFailed("no new client called")
