"""The broker closes all connections, or cancels the consumers because their queue is deleted and made again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from faults.crew import CONSUMING, Crew
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import LIMIT, SceneFailed, all_say, consuming_again, operating, said, summary
from faults.stage import Stage
from leveret.process.exit_codes import DEAF

LOST: Final = "lost the broker"
CANCELLED: Final = "cancelled the consumer"
"""What workers log."""

AT_ONCE: Final = 5
"""How often the queue is also made again before its end has come round, of which RabbitMQ 3.10 may tell nobody."""

GOING_ON: Final = 100
"""So many requests come to their end after that, or workers are deaf."""


@scene(
    "connections-closed",
    title="all connections closed by the broker",
    requests=5_000,
    strikes=10,
    short_requests=300,
    short_strikes=1,
    own_broker=True,
)
async def connections_closed(stage: Stage, plan: Plan) -> None:
    """Have the broker close the connections of workers and clients alike; each worker has to have lost its own."""

    async def close(crew: Crew) -> None:
        before = said(crew, LOST)
        await asyncio.to_thread(stage.broker.control, "close_all_connections", "closed by the fault suite")
        stage.struck()
        await all_say(crew, LOST, before)

    async with (
        stage.crew(2) as crew,
        stage.load(plan.requests, rate=_rate(plan), timeout=5.0, until=plan.strikes) as load,
    ):
        await _repeat(stage, crew, load, close, part=_part(plan), times=plan.strikes)


@scene(
    "consumer-cancelled",
    title="consumer cancelled: queue deleted and made again",
    requests=5_000,
    strikes=10,
    short_requests=300,
    short_strikes=1,
    settings={"WATCHDOG": "3s"},
)
async def consumer_cancelled(stage: Stage, plan: Plan) -> None:
    """Delete the queue of requests with what lies in it; callers, who all wait for an answer, ask again.

    A strike is one of which every worker was told. Those of which perhaps nobody was told come on top of them.
    """

    async def delete(crew: Crew) -> None:
        before = said(crew, CANCELLED)
        await asyncio.to_thread(_delete, stage)
        stage.struck()
        await all_say(crew, CANCELLED, before)
        await asyncio.to_thread(_make_again, stage)

    at_once = 0 if plan.short else AT_ONCE
    load = stage.load(plan.requests, rate=_rate(plan), ask_share=1.0, timeout=5.0, until=plan.strikes)
    async with stage.crew(2) as crew, load:
        await _repeat(stage, crew, load, delete, part=_part(plan, at_once), times=plan.strikes)
        for _ in range(at_once):
            await _replace(stage, crew, load)


def _part(plan: Plan, more: int = 0) -> int:
    """Requests before the first strike and between two; in the short form few, since the load waits for the strike."""
    return plan.requests // 12 if plan.short else plan.requests // (plan.strikes + more + 1)


def _rate(plan: Plan) -> float:
    return 50 if plan.short else 100


async def _repeat(
    stage: Stage, crew: Crew, load: Load, strike: Callable[[Crew], Awaitable[None]], *, part: int, times: int
) -> None:
    """Strike after each part of the load, and see that every worker consumes again by itself."""
    consuming: list[float] = []
    for number in range(1, times + 1):
        if not await load.reached(part * number):
            raise SceneFailed(f"the load had ended before strike {number}")
        before = said(crew, CONSUMING)
        await strike(crew)
        consuming.append(await consuming_again(stage, crew, before))
    stage.notes["consuming again"] = summary(consuming)


async def _replace(stage: Stage, crew: Crew, load: Load) -> None:
    """Delete the queue and make it again at once: a worker that is not told finds out, or ends itself."""
    await asyncio.to_thread(_delete, stage)
    await asyncio.to_thread(_make_again, stage)
    async with asyncio.timeout(LIMIT):
        if not await load.reached(load.finished + GOING_ON):
            raise SceneFailed("the load had ended before the queue could be replaced as often as wanted")
    stage.notes["queue replaced at once"] = stage.notes.get("queue replaced at once", 0) + 1
    if unforeseen := {how: count for how, count in crew.deaths.items() if how != f"exit {DEAF}"}:
        raise SceneFailed(f"workers ended otherwise than because they were deaf: {unforeseen}")


def _delete(stage: Stage) -> None:
    with operating(stage) as channel:
        channel.queue_delete(stage.topology.requests)


def _make_again(stage: Stage) -> None:
    """What an operator does, whether a worker was quicker or not."""
    topology = stage.topology
    wanted = next(queue for queue in topology.queues if queue.name == topology.requests)
    with operating(stage) as channel:
        channel.queue_declare(wanted.name, durable=True, arguments=dict(wanted.arguments))
        channel.queue_bind(wanted.name, topology.exchange, topology.requests)
