"""A worker killed at each point of the pipeline."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Final

import faults
from faults.crash_points import POINTS, KillLog
from faults.ledger import Kind, Request
from faults.lives import COMMAND, DEATHS, KILLS, SEED
from faults.scene import Plan, scene
from faults.stage import Stage

LINES: Final = 2
"""Lines of lives: while one is born the other works."""

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
async def crash_points(stage: Stage, plan: Plan) -> None:
    """Kill where effect, response and crash journal are one file."""
    await _play(stage, plan)


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
async def crash_points_postgres(stage: Stage, plan: Plan) -> None:
    """Kill where the server outlives the worker, and ends a transaction when it notices that."""
    await _play(stage, plan)


async def _play(stage: Stage, plan: Plan) -> None:
    """Have each life end at a point, until each point has had its deaths, and keep the load up for so long."""
    each, log = plan.strikes // len(POINTS), KillLog(stage.folder / KILLS)
    stage.variables |= {DEATHS: str(each), SEED: str(plan.random.random()), "PYTHONPATH": _path()}

    def make(_number: int, random: Random) -> Request:
        return _request(stage, random)

    async with (
        stage.crew(LINES, COMMAND),
        stage.load(plan.requests, make=make, rate=200, timeout=15.0, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.2):
            _strike(stage, log, each)
    stage.notes["deaths"] = dict(log.deaths())


def _strike(stage: Stage, log: KillLog, each: int) -> None:
    """Count the deaths since the last look; more than its share makes no point up for another."""
    deaths = log.deaths()
    stage.struck(sum(min(deaths[point], each) for point in POINTS) - stage.strikes)


def _request(stage: Stage, random: Random) -> Request:
    chance = random.random()
    kind: Kind = "ask" if random.random() < 0.5 else "send"
    if chance < 0.10:
        return stage.ordinary(kind, due="retries exhausted: ", simulate_temp_error=True)
    if chance < 0.15:  # without a title it is refused, and nobody waits to be told
        return stage.ordinary("send", due="invalid_request: ", title=None)
    return stage.ordinary(kind)


def _path() -> str:
    """Where a life finds this package, whatever its folder."""
    own = str(Path(faults.__file__).parent.parent)
    return os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH")]))
