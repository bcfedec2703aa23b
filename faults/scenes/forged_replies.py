"""Forged names of reply queues without end, each of them new: RabbitMQ before 4.3 ends the connection that answers."""

from __future__ import annotations

import asyncio
import base64
import uuid
from typing import Final

import msgspec

from faults.crew import Crew
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, summary, unharmed
from faults.stage import Stage
from leveret.amqp import Connection, Message, Properties
from leveret.client import Client

A_SECOND: Final = 20
"""Forged names a second."""

RATE: Final = 20.0
"""Requests a second of everybody else."""

TIMEOUT: Final = 10.0
"""Seconds within which each of those has its answer, at its first try; on a machine with nothing else to do it takes
some milliseconds."""

LOST: Final = "lost the broker"
NO_REPLY: Final = "no reply to"
"""What workers log."""


@scene(
    "forged-replies",
    title="forged reply queues, 20 a second, each with a new name",
    requests=1_200,
    strikes=1_000,
    short_requests=100,
    short_strikes=60,
)
async def forged_replies(stage: Stage, plan: Plan) -> None:
    """Forge names while others call at their ordinary rate, new callers among them; each forged request is a strike."""
    load = stage.load(plan.requests, rate=RATE, ask_share=1.0, timeout=TIMEOUT, until=plan.strikes)
    newcomers: list[float] = []
    async with stage.crew(2) as crew, load, asyncio.TaskGroup() as group:
        group.create_task(_forge(stage, load))
        group.create_task(_call_anew(stage, load, newcomers))
    ended = sum(member.count(NO_REPLY) for member in crew.members)
    stage.notes["settled without a reply"] = ended
    stage.notes["first calls of new clients"] = f"{len(newcomers)}, {summary(newcomers)}"
    _judge(load, crew, newcomers)


async def _forge(stage: Stage, load: Load) -> None:
    """Send requests that change nothing, with reply queues of the right form that nobody ever made."""
    connection = await Connection.open(stage.broker.url, name="forger")
    try:
        channel = await connection.channel(confirms=True)
        while await load.goes_on(1 / A_SECOND):
            body = {"id": uuid.uuid4().hex, "version": "v1", "action": "health_check", "data": {}}
            name = base64.b64encode(b"\x83" + uuid.uuid4().bytes).decode()
            properties = Properties(reply_to=f"amq.rabbitmq.reply-to.{name}.k", delivery_mode=2)
            topology = stage.topology
            message = Message(
                msgspec.json.encode(body), topology.requests, topology.exchange, properties, mandatory=True
            )
            await channel.publish(message)
            stage.struck()
    finally:
        await connection.close()


async def _call_anew(stage: Stage, load: Load, seconds: list[float]) -> None:
    """Call with one new client after the other, none of whose reply queues a worker has ever answered to."""
    now = asyncio.get_running_loop().time
    while await load.goes_on(0.5):
        async with Client(stage.broker.url, topology=stage.topology, name="newcomer") as client:
            began = now()
            await client.call("health_check", timeout=TIMEOUT)
            seconds.append(now() - began)


def _judge(load: Load, crew: Crew, newcomers: list[float]) -> None:
    unharmed(crew)
    if lost := sum(member.count(LOST) for member in crew.members):
        raise SceneFailed(f"workers lost the broker {lost} times")
    if load.errors:
        raise SceneFailed(f"callers met {dict(load.errors)}: {load.texts}")
    if not newcomers:
        raise SceneFailed("no new client called")
