"""A worker killed with -9, every second."""

from __future__ import annotations

from faults.scene import Plan, scene
from faults.stage import Stage


@scene(
    "worker-killed",
    title="worker killed with -9",
    requests=20_000,
    strikes=20,
    short_requests=800,
    short_strikes=2,
)
async def worker_killed(stage: Stage, plan: Plan) -> None:
    """Kill one of the workers at random, every second, in the middle of a burst; the crew replaces it."""
    burst = plan.requests // (4 if plan.short else 40)
    async with (
        stage.crew(3) as crew,
        stage.load(plan.requests, rate=burst, burst=burst, in_flight=burst, until=plan.strikes) as load,
    ):
        while await load.reached(load.finished + int(burst * plan.random.uniform(0.1, 0.7))):
            if await crew.kill():
                stage.struck()
            await load.goes_on(0.7)
