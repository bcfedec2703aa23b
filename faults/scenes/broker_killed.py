"""The broker killed with -9 and started again: everybody finds back without a hand."""

from __future__ import annotations

import asyncio
import time

from faults.crew import CONSUMING, Crew
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, consuming_again, said, summary
from faults.stage import Stage
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
async def broker_killed(stage: Stage, plan: Plan) -> None:
    """Kill the broker after equal parts of the load, each time in the middle of what flows."""
    consuming: list[float] = []
    async with stage.crew(2) as crew:
        await asyncio.to_thread(_registered, stage)
        async with stage.load(plan.requests, rate=60 if plan.short else 150) as load:
            for number in range(1, plan.strikes + 1):
                if not await load.reached(plan.requests * number // (plan.strikes + 1)):
                    raise SceneFailed(f"the load had ended before kill {number}")
                consuming.append(await _strike(stage, crew))
                await load.reached(load.finished + 20)
    stage.notes["consuming again, after the broker answered"] = summary(consuming)


def _registered(stage: Stage) -> None:
    queues = (stage.topology.requests, stage.topology.dead_letters, *stage.topology.retries)
    for queue in queues:
        wait_until_registered(stage.broker.folder, queue)


async def _strike(stage: Stage, crew: Crew) -> float:
    pid, before = stage.broker.pid, said(crew, CONSUMING)
    struck = stage.struck()
    await asyncio.to_thread(stage.broker.kill)
    began = time.monotonic()
    await asyncio.to_thread(stage.broker.restart)
    if stage.broker.pid == pid or not struck:
        raise SceneFailed("the kill did not hit the broker under load")
    stage.notes["broker away, s"] = round(max(time.monotonic() - began, stage.notes.get("broker away, s", 0.0)), 1)
    return await consuming_again(stage, crew, before)
