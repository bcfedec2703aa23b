"""Workers are stopped by SIGTERM, one after the other; or they are frozen by SIGSTOP for longer than a heartbeat."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

from faults.scene import Plan, scene
from faults.system import System
from faults.workers import CONSUMING, LIMIT, LOST, WorkerFailed, WorkerGroup, WorkerProcess

LONGEST_STOP: Final = 10.0
"""Seconds that a worker may take from SIGTERM to its end."""

HEARTBEAT: Final = 1
"""Heartbeat in seconds; after two without a message the broker closes the connection (RabbitMQ, "Heartbeats")."""

FROZEN: Final = 3.5
"""Seconds that a worker is frozen."""


@scene(
    "rolling-restart",
    title="rolling restart with SIGTERM, each exits within 10 s",
    requests=10_000,
    strikes=30,
    short_requests=600,
    short_strikes=3,
)
async def rolling_restart(system: System, plan: Plan) -> None:
    """Stop one worker after the other; the next one is stopped when the new one consumes."""
    took: list[float] = []
    async with (
        system.workers(2 if plan.short else 3) as workers,
        system.load(plan.requests, rate=200, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.05):
            await workers.consuming()
            worker = workers.current[len(took) % len(workers.current)]
            code, seconds = await workers.stop(worker, LONGEST_STOP)
            if code != 0:
                raise WorkerFailed(f"worker {worker.process.pid} ended with {code} after SIGTERM:\n{worker.tail()}")
            took.append(seconds)
            system.struck()
    system.notes["seconds from SIGTERM to the end"] = {"median": _median(took), "longest": round(max(took), 2)}


@scene(
    "worker-frozen",
    title="worker stopped (SIGSTOP) past the heartbeat, then continued",
    requests=5_000,
    strikes=20,
    short_requests=400,
    short_strikes=1,
    heartbeat=HEARTBEAT,
)
async def worker_frozen(system: System, plan: Plan) -> None:
    """Freeze a random worker until the broker has given its requests to others, and then let it continue."""
    async with (
        system.workers(2 if plan.short else 3) as workers,
        system.load(plan.requests, rate=100, until=plan.strikes, timeout=20.0) as load,
    ):
        while await load.goes_on(0.05):
            worker = workers.victim()
            if worker is not None and await _freeze(worker):
                system.struck()
            await _all_consume(workers)


async def _freeze(worker: WorkerProcess) -> bool:
    """Freeze a worker for some seconds; return whether it was alive. It has to log that it lost its connections."""
    lost = worker.count(LOST)
    if not worker.signal(signal.SIGSTOP):
        return False
    await asyncio.sleep(FROZEN)
    worker.signal(signal.SIGCONT)
    await worker.says(LOST, count=lost + 1)
    return True


async def _all_consume(workers: WorkerGroup) -> None:
    """Wait until each worker has consumed again after it lost the broker."""
    async with asyncio.timeout(LIMIT):
        for worker in workers.current:
            await worker.says(CONSUMING, count=worker.count(LOST) + 1)


def _median(seconds: list[float]) -> float:
    return round(sorted(seconds)[len(seconds) // 2], 2)
