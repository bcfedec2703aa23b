"""PostgreSQL goes away: stopped and started, its connections ended, and commits of which nobody learns the outcome."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Final
from urllib.parse import urlsplit

import psycopg

from faults.commit_cutter import CommitCutter, When
from faults.crew import Crew
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, all_say, consuming_again, said, summary
from faults.stage import Stage
from testbed.postgres import PrivatePostgres

AWAY: Final = "paused: "
"""What a worker logs that has found the database away."""

LONG_OUTAGE: Final = (60.0, 1.0)
"""Seconds that the last outage takes, in full and in the short form."""

WAYS: Final = (signal.SIGINT, signal.SIGQUIT)
"""PostgreSQL disconnects its clients and stops, or drops everything as in a crash ("Shutting Down the Server")."""

BURST: Final = 32
"""Commits that are cut in a row, on whatever connections they come."""

BURST_LIMIT: Final = 3.0
"""Seconds until so many commits must have come by; the others are left alone then."""

CONNECTIONS: Final = (
    b"SELECT pid, state FROM pg_stat_activity WHERE backend_type = 'client backend'"
    b" AND datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid"
)
"""The connections of workers, and whether each is in the middle of something."""

REPLAYED: Final = "idem-replay: "
"""What a worker logs when it answers a request from its row."""


@scene(
    "postgres-stopped",
    title="PostgreSQL stopped and started, once for 60 s",
    requests=10_000,
    strikes=5,
    short_requests=300,
    short_strikes=1,
    database="postgresql",
)
async def postgres_stopped(stage: Stage, plan: Plan) -> None:
    """Stop the server after equal parts of the load, until every worker has noticed; the last time for longer."""
    consuming: list[float] = []
    async with stage.crew(2) as crew, stage.load(plan.requests, rate=250, timeout=90.0) as load:
        for number in range(1, plan.strikes + 1):
            if not await load.reached(plan.requests * number // (plan.strikes + 1)):
                raise SceneFailed(f"the load had ended before stop {number}")
            outage = LONG_OUTAGE[plan.short] if number == plan.strikes else 0.0
            await _stop_and_start(stage, crew, plan.random.choice(WAYS), outage)
            consuming.append(await consuming_again(stage, crew))
    stage.notes["consuming again, after the database answered"] = summary(consuming)


async def _stop_and_start(stage: Stage, crew: Crew, how: signal.Signals, outage: float) -> None:
    before, server = said(crew, AWAY), _server(stage)
    await asyncio.to_thread(server.stop, how)
    stage.struck()
    await all_say(crew, AWAY, before)
    await asyncio.sleep(outage)  # the fault itself
    await asyncio.to_thread(server.start)


@scene(
    "postgres-connections",
    title="connections to PostgreSQL terminated",
    requests=10_000,
    strikes=50,
    short_requests=300,
    short_strikes=3,
    database="postgresql",
)
async def postgres_connections(stage: Stage, plan: Plan) -> None:
    """End each connection that is in the middle of something, or one that is idle at this moment."""
    busy = 0
    async with (
        stage.crew(2 if plan.short else 3) as crew,
        stage.load(plan.requests, rate=500, burst=10, timeout=30.0, until=plan.strikes) as load,
    ):
        while stage.strikes < plan.strikes and await load.goes_on(0.2):
            struck, in_the_middle = await asyncio.to_thread(_terminate, stage)
            if stage.struck(struck):
                busy += in_the_middle
        await consuming_again(stage, crew)
    stage.notes["in the middle of something"] = busy


def _terminate(stage: Stage) -> tuple[int, int]:
    """Returns how many connections were ended, and how many of these were in the middle of something."""
    with psycopg.connect(stage.database_url.replace("+psycopg", ""), autocommit=True) as server:
        found = server.execute(CONNECTIONS).fetchall()
        busy = [pid for pid, state in found if state != "idle"]
        victims = busy or stage.random.sample([pid for pid, _ in found], min(1, len(found)))
        ended = [server.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchall()[0][0] for pid in victims]
    return sum(ended), sum(ended) if busy else 0


@scene(
    "commit-cut",
    title="connection to PostgreSQL cut at the COMMIT, before it or after it",
    requests=10_000,
    strikes=200,
    short_requests=400,
    short_strikes=10,
    database="postgresql",
)
async def commit_cut(stage: Stage, plan: Plan) -> None:
    """Cut commits in bursts, one half before the server gets them and one half after it has done them."""
    server = urlsplit(stage.database_url)
    cutter = await stage.keep(CommitCutter(server.hostname or "", server.port or 0, stage.struck))
    stage.settings(DATABASE_URL=cutter.proxied(stage.database_url))
    async with (
        stage.crew(2 if plan.short else 6) as crew,
        stage.load(plan.requests, rate=500, burst=10, timeout=30.0, until=plan.strikes) as load,
    ):
        await _cut(stage, plan, load, cutter, crew)
    _judge(stage, plan, crew, cutter)


async def _cut(stage: Stage, plan: Plan, load: Load, cutter: CommitCutter, crew: Crew) -> None:
    whens = _whens(plan.random)
    while stage.strikes < plan.strikes and await load.goes_on(0.1):
        wanted = min(BURST, plan.strikes - stage.strikes)
        await cutter.cut(list(islice(whens, wanted)), BURST_LIMIT)
        await consuming_again(stage, crew)


def _whens(random: Random) -> Iterator[When]:
    """Of each two in a row one is before and one is after, in random order."""
    pair: list[When] = ["before", "after"]
    while True:
        yield from random.sample(pair, 2)


def _judge(stage: Stage, plan: Plan, crew: Crew, cutter: CommitCutter) -> None:
    stage.notes["cut"] = {f"{when} the server got it": count for when, count in cutter.cuts.items()}
    stage.notes["answered from the row"] = sum(said(crew, REPLAYED))
    if min(cutter.cuts.values()) < plan.strikes // 4:
        raise SceneFailed(f"the cuts fell too much on one side of the commit: {cutter.cuts}")


def _server(stage: Stage) -> PrivatePostgres:
    if stage.postgres is None:
        raise SceneFailed("this scene needs a PostgreSQL of its own")
    return stage.postgres
