"""A worker is killed with -9 every second."""

from __future__ import annotations

from faults.scene import Plan, scene
from faults.system import System


@scene(
    "worker-killed",
    title="worker killed with -9",
    requests=20_000,
    strikes=20,
    short_requests=800,
    short_strikes=2,
)
async def worker_killed(system: System, plan: Plan) -> None:
    """Kill a random worker every second in the middle of a burst; it is replaced at once."""
    burst = plan.requests // (4 if plan.short else 40)
    async with (
        system.workers(3) as workers,
        system.load(plan.requests, rate=burst, burst=burst, in_flight=burst, until=plan.strikes) as load,
    ):
        while await load.reached(load.finished + int(burst * plan.random.uniform(0.1, 0.7))):
            if await workers.kill():
                system.struck()
            await load.goes_on(0.7)
