"""The broker is killed with -9 and started again; clients and workers connect again by themselves."""

from __future__ import annotations

import asyncio
import time

from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, consuming_again, said, summary
from faults.system import System
from faults.workers import CONSUMING, WorkerGroup
from testbed.waiting import wait_until_registered


@scene(
    "broker-killed",
    title="broker killed with -9 and restarted",
    requests=10_000,
    strikes=5,
    short_requests=300,
    short_strikes=1,
    own_broker=True,
)
async def broker_killed(system: System, plan: Plan) -> None:
    """Kill the broker after equal parts of the load, each time while requests are under way."""
    consuming: list[float] = []
    async with system.workers(2) as workers:
        await asyncio.to_thread(_registered, system)
        async with system.load(plan.requests, rate=60 if plan.short else 150) as load:
            for number in range(1, plan.strikes + 1):
                if not await load.reached(plan.requests * number // (plan.strikes + 1)):
                    raise SceneFailed(f"the load had ended before kill {number}")
                consuming.append(await _strike(system, workers))
                await load.reached(load.finished + 20)
    system.notes["consuming again, after the broker answered"] = summary(consuming)


def _registered(system: System) -> None:
    queues = (system.topology.requests, system.topology.dead_letters, *system.topology.retries)
    for queue in queues:
        wait_until_registered(system.broker.folder, queue)


async def _strike(system: System, workers: WorkerGroup) -> float:
    pid, before = system.broker.pid, said(workers, CONSUMING)
    struck = system.struck()
    await asyncio.to_thread(system.broker.kill)
    began = time.monotonic()
    await asyncio.to_thread(system.broker.restart)
    if system.broker.pid == pid or not struck:
        raise SceneFailed("the kill did not hit the broker under load")
    system.notes["broker away, s"] = round(max(time.monotonic() - began, system.notes.get("broker away, s", 0.0)), 1)
    return await consuming_again(system, workers, before)
