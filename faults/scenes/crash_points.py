"""Workers are killed at each point of the pipeline."""

from __future__ import annotations

from random import Random
from typing import Final

from faults.crash_points import POINTS, KillLog
from faults.killed_workers import COMMAND, DEATHS, KILLS, SEED
from faults.ledger import Kind, Request
from faults.scene import Plan, scene
from faults.system import System
from faults.working import search_path

PROCESSES: Final = 2
"""Number of processes that fork workers; while one of them forks, the worker of the other runs requests."""

SETTINGS: Final = {"RETRY_DELAY": "100ms"}


@scene(
    "crash-points",
    title="killed at each of nine points of the pipeline (SQLite)",
    requests=12_000,
    strikes=100 * len(POINTS),
    short_requests=600,
    short_strikes=2 * len(POINTS),
    simulate=True,
    settings=SETTINGS,
)
async def crash_points(system: System, plan: Plan) -> None:
    """Kill workers on SQLite, where one file holds effects, responses and crash journal."""
    await _run(system, plan)


@scene(
    "crash-points-postgres",
    title="killed at each of nine points of the pipeline (PostgreSQL)",
    requests=12_000,
    strikes=100 * len(POINTS),
    short_requests=300,
    short_strikes=len(POINTS),
    database="postgresql",
    simulate=True,
    settings=SETTINGS,
)
async def crash_points_postgres(system: System, plan: Plan) -> None:
    """Kill workers on PostgreSQL, whose server ends a transaction when it notices that the worker is gone."""
    await _run(system, plan)


async def _run(system: System, plan: Plan) -> None:
    """Kill each worker at a point until every point has had its number of deaths; the load lasts that long."""
    each, log = plan.strikes // len(POINTS), KillLog(system.folder / KILLS)
    system.variables |= {DEATHS: str(each), SEED: str(plan.random.random()), "PYTHONPATH": search_path()}

    def make(_number: int, random: Random) -> Request:
        return _request(system, random)

    async with (
        system.workers(PROCESSES, COMMAND),
        system.load(plan.requests, make=make, rate=200, timeout=15.0, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.2):
            _strike(system, log, each)
    system.notes["deaths"] = dict(log.deaths())


def _strike(system: System, log: KillLog, each: int) -> None:
    """Count the deaths since the last look; at each point, no more than its number counts."""
    deaths = log.deaths()
    system.struck(sum(min(deaths[point], each) for point in POINTS) - system.strikes)


def _request(system: System, random: Random) -> Request:
    chance = random.random()
    kind: Kind = "ask" if random.random() < 0.5 else "send"
    if chance < 0.10:
        return system.ordinary(kind, due="retries exhausted: ", simulate_temp_error=True)
    if chance < 0.15:  # refused, because it has no title; and nobody waits for a reply
        return system.ordinary("send", due="invalid_request: ", title=None)
    return system.ordinary(kind)
