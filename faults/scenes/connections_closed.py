"""The broker closes all connections, or cancels the consumers because their queue is deleted and declared again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import LIMIT, SceneFailed, all_say, consuming_again, operating, said, summary
from faults.system import System
from faults.workers import CONSUMING, LOST, WorkerGroup
from leveret.process.exit_codes import DEAF

CANCELLED: Final = "cancelled the consumer"
"""Text that a worker logs when the broker has cancelled its consumer."""

AT_ONCE: Final = 5
"""How often the queue is also declared again at once; RabbitMQ 3.10 may not cancel the consumers then."""

GOING_ON: Final = 100
"""Requests that have to be finished after that, which shows that the workers are not deaf."""


@scene(
    "connections-closed",
    title="all connections closed by the broker",
    requests=5_000,
    strikes=10,
    short_requests=300,
    short_strikes=1,
    own_broker=True,
)
async def connections_closed(system: System, plan: Plan) -> None:
    """Let the broker close the connections of all workers and clients; each worker has to log that it lost its own."""

    async def close(workers: WorkerGroup) -> None:
        before = said(workers, LOST)
        await asyncio.to_thread(system.broker.control, "close_all_connections", "closed by the fault suite")
        system.struck()
        await all_say(workers, LOST, before)

    async with (
        system.workers(2) as workers,
        system.load(plan.requests, rate=_rate(plan), timeout=5.0, until=plan.strikes) as load,
    ):
        await _repeat(system, workers, load, close, part=_part(plan), times=plan.strikes)


@scene(
    "consumer-cancelled",
    title="consumer cancelled: queue deleted and made again",
    requests=5_000,
    strikes=10,
    short_requests=300,
    short_strikes=1,
    settings={"WATCHDOG": "3s"},
)
async def consumer_cancelled(system: System, plan: Plan) -> None:
    """Delete the queue of requests with its messages; all callers wait for an answer, and ask again.

    A strike is a deletion after which every consumer was cancelled. Further deletions, after which perhaps none was,
    are not counted.
    """

    async def delete(workers: WorkerGroup) -> None:
        before = said(workers, CANCELLED)
        await asyncio.to_thread(_delete, system)
        system.struck()
        await all_say(workers, CANCELLED, before)
        await asyncio.to_thread(_make_again, system)

    at_once = 0 if plan.short else AT_ONCE
    load = system.load(plan.requests, rate=_rate(plan), ask_share=1.0, timeout=5.0, until=plan.strikes)
    async with system.workers(2) as workers, load:
        await _repeat(system, workers, load, delete, part=_part(plan, at_once), times=plan.strikes)
        for _ in range(at_once):
            await _replace(system, workers, load)


def _part(plan: Plan, more: int = 0) -> int:
    """Return the number of requests before each strike; it is small in the short form, whose load waits for strikes."""
    return plan.requests // 12 if plan.short else plan.requests // (plan.strikes + more + 1)


def _rate(plan: Plan) -> float:
    return 50 if plan.short else 100


async def _repeat(
    system: System,
    workers: WorkerGroup,
    load: Load,
    strike: Callable[[WorkerGroup], Awaitable[None]],
    *,
    part: int,
    times: int,
) -> None:
    """Strike after each part of the load, and check that every worker consumes again by itself."""
    consuming: list[float] = []
    for number in range(1, times + 1):
        if not await load.reached(part * number):
            raise SceneFailed(f"the load had ended before strike {number}")
        before = said(workers, CONSUMING)
        await strike(workers)
        consuming.append(await consuming_again(system, workers, before))
    system.notes["consuming again"] = summary(consuming)


async def _replace(system: System, workers: WorkerGroup, load: Load) -> None:
    """Delete the queue and declare it again at once; a worker whose consumer is not cancelled has to notice, or end."""
    await asyncio.to_thread(_delete, system)
    await asyncio.to_thread(_make_again, system)
    async with asyncio.timeout(LIMIT):
        if not await load.reached(load.finished + GOING_ON):
            raise SceneFailed("the load had ended before the queue could be replaced as often as wanted")
    system.notes["queue replaced at once"] = system.notes.get("queue replaced at once", 0) + 1
    if unforeseen := {how: count for how, count in workers.deaths.items() if how != f"exit {DEAF}"}:
        raise SceneFailed(f"workers ended for other reasons than deafness: {unforeseen}")


def _delete(system: System) -> None:
    with operating(system) as channel:
        channel.queue_delete(system.topology.requests)


def _make_again(system: System) -> None:
    """Declare and bind the queue as an operator would, whether a worker has done so already or not."""
    topology = system.topology
    wanted = next(queue for queue in topology.queues if queue.name == topology.requests)
    with operating(system) as channel:
        channel.queue_declare(wanted.name, durable=True, arguments=dict(wanted.arguments))
        channel.queue_bind(wanted.name, topology.exchange, topology.requests)
