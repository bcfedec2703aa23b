"""Workers that are stopped: by SIGTERM one after the other, and by SIGSTOP for longer than heartbeats last."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

from faults.crew import CONSUMING, LIMIT, Crew, CrewFailed, Member
from faults.scene import Plan, scene
from faults.stage import Stage

LONGEST_STOP: Final = 10.0
"""Seconds that a worker may take from SIGTERM to its end."""

HEARTBEAT: Final = 1
"""Seconds; a broker that hears nothing for twice as long closes the connection (RabbitMQ, "Heartbeats")."""

FROZEN: Final = 3.5
"""Seconds that a worker is frozen."""

LOST: Final = "lost the broker"
"""What a worker logs that finds its connections closed."""


@scene(
    "rolling-restart",
    title="rolling restart with SIGTERM, each exits within 10 s",
    requests=10_000,
    strikes=30,
    short_requests=600,
    short_strikes=3,
)
async def rolling_restart(stage: Stage, plan: Plan) -> None:
    """Stop one worker after the other; the next one's turn is when the new one consumes."""
    took: list[float] = []
    async with (
        stage.crew(2 if plan.short else 3) as crew,
        stage.load(plan.requests, rate=200, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.05):
            await crew.consuming()
            member = crew.members[len(took) % len(crew.members)]
            code, seconds = await crew.stop(member, LONGEST_STOP)
            if code != 0:
                raise CrewFailed(f"worker {member.process.pid} ended with {code} after SIGTERM:\n{member.tail()}")
            took.append(seconds)
            stage.struck()
    stage.notes["seconds from SIGTERM to the end"] = {"median": _median(took), "longest": round(max(took), 2)}


@scene(
    "worker-frozen",
    title="worker stopped (SIGSTOP) past the heartbeat, then continued",
    requests=5_000,
    strikes=20,
    short_requests=400,
    short_strikes=1,
    heartbeat=HEARTBEAT,
)
async def worker_frozen(stage: Stage, plan: Plan) -> None:
    """Freeze a random worker until the broker has given its requests to others, and let it go on."""
    async with (
        stage.crew(2 if plan.short else 3) as crew,
        stage.load(plan.requests, rate=100, until=plan.strikes, timeout=20.0) as load,
    ):
        while await load.goes_on(0.05):
            member = crew.victim()
            if member is not None and await _freeze(member):
                stage.struck()
            await _all_consume(crew)


async def _freeze(member: Member) -> bool:
    """Freeze a worker; returns whether it found its connections closed when it went on."""
    lost = member.count(LOST)
    if not member.signal(signal.SIGSTOP):
        return False
    await asyncio.sleep(FROZEN)
    member.signal(signal.SIGCONT)
    await member.says(LOST, count=lost + 1)
    return True


async def _all_consume(crew: Crew) -> None:
    """Wait until each has consumed again after it lost the broker."""
    async with asyncio.timeout(LIMIT):
        for member in crew.members:
            await member.says(CONSUMING, count=member.count(LOST) + 1)


def _median(seconds: list[float]) -> float:
    return round(sorted(seconds)[len(seconds) // 2], 2)
