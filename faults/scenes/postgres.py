"""PostgreSQL fails: it is stopped and started, its connections are ended, and the outcome of commits gets lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Final
from urllib.parse import urlsplit

from faults.commit_cutter import CommitCutter, When
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, all_say, consuming_again, said, summary
from faults.system import System
from faults.workers import PAUSED, WorkerGroup
from testbed.postgres import PrivatePostgres

LONG_OUTAGE: Final = (60.0, 1.0)
"""Seconds that the last outage lasts, in full and in the short form."""

WAYS: Final = (signal.SIGINT, signal.SIGQUIT)
"""Signals that stop PostgreSQL: in order, or as a crash would (PostgreSQL, "Shutting Down the Server")."""

BURST: Final = 32
"""Commits that are cut in a row, on any connections."""

BURST_LIMIT: Final = 3.0
"""Seconds in which these commits have to come; later ones are not cut."""

CONNECTIONS: Final = (
    b"SELECT pid, state FROM pg_stat_activity WHERE backend_type = 'client backend'"
    b" AND datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid"
)
"""Query for the connections of workers and their states."""

REPLAYED: Final = "idem-replay: "
"""Text that a worker logs when it answers a request with the stored response."""


@scene(
    "postgres-stopped",
    title="PostgreSQL stopped and started, once for 60 s",
    requests=10_000,
    strikes=5,
    short_requests=300,
    short_strikes=1,
    database="postgresql",
)
async def postgres_stopped(system: System, plan: Plan) -> None:
    """Stop the server after equal parts of the load until every worker has noticed; stop it longer the last time."""
    consuming: list[float] = []
    async with system.workers(2) as workers, system.load(plan.requests, rate=250, timeout=90.0) as load:
        for number in range(1, plan.strikes + 1):
            if not await load.reached(plan.requests * number // (plan.strikes + 1)):
                raise SceneFailed(f"the load had ended before stop {number}")
            outage = LONG_OUTAGE[plan.short] if number == plan.strikes else 0.0
            await _stop_and_start(system, workers, plan.random.choice(WAYS), outage)
            consuming.append(await consuming_again(system, workers))
    system.notes["consuming again, after the database answered"] = summary(consuming)


async def _stop_and_start(system: System, workers: WorkerGroup, how: signal.Signals, outage: float) -> None:
    before, server = said(workers, PAUSED), _server(system)
    await asyncio.to_thread(server.stop, how)
    system.struck()
    await all_say(workers, PAUSED, before)
    await asyncio.sleep(outage)  # how long the fault lasts
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
async def postgres_connections(system: System, plan: Plan) -> None:
    """End every connection that executes a statement or has an open transaction; if none does, end an idle one."""
    busy = 0
    async with (
        system.workers(2 if plan.short else 3) as workers,
        system.load(plan.requests, rate=500, burst=10, timeout=30.0, until=plan.strikes) as load,
    ):
        while system.strikes < plan.strikes and await load.goes_on(0.2):
            ended, ended_busy = await asyncio.to_thread(_terminate, system)
            if system.struck(ended):
                busy += ended_busy
        await consuming_again(system, workers)
    system.notes["ended while not idle"] = busy


def _terminate(system: System) -> tuple[int, int]:
    """End connections; return how many were ended, and how many of these were not idle."""
    with system.connect_postgres(autocommit=True) as server:
        found = server.execute(CONNECTIONS).fetchall()
        busy = [pid for pid, state in found if state != "idle"]
        victims = busy or system.random.sample([pid for pid, _ in found], min(1, len(found)))
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
async def commit_cut(system: System, plan: Plan) -> None:
    """Cut commits in bursts: half of them before the server gets them, and half after they are done."""
    server = urlsplit(system.database_url)
    cutter = await system.keep(CommitCutter(server.hostname or "", server.port or 0, system.struck))
    system.settings(DATABASE_URL=cutter.proxied(system.database_url))
    async with (
        system.workers(2 if plan.short else 6) as workers,
        system.load(plan.requests, rate=500, burst=10, timeout=30.0, until=plan.strikes) as load,
    ):
        await _cut(system, plan, load, cutter, workers)
    _judge(system, plan, workers, cutter)


async def _cut(system: System, plan: Plan, load: Load, cutter: CommitCutter, workers: WorkerGroup) -> None:
    whens = _whens(plan.random)
    while system.strikes < plan.strikes and await load.goes_on(0.1):
        wanted = min(BURST, plan.strikes - system.strikes)
        await cutter.cut(list(islice(whens, wanted)), BURST_LIMIT)
        await consuming_again(system, workers)


def _whens(random: Random) -> Iterator[When]:
    """Yield "before" and "after" in pairs, each pair in random order."""
    pair: list[When] = ["before", "after"]
    while True:
        yield from random.sample(pair, 2)


def _judge(system: System, plan: Plan, workers: WorkerGroup, cutter: CommitCutter) -> None:
    system.notes["cut"] = {f"{when} the server got it": count for when, count in cutter.cuts.items()}
    system.notes["answered with the stored response"] = sum(said(workers, REPLAYED))
    if min(cutter.cuts.values()) < plan.strikes // 4:
        raise SceneFailed(f"too many of the cuts were on one side of the commit: {cutter.cuts}")


def _server(system: System) -> PrivatePostgres:
    if system.postgres is None:
        raise SceneFailed("this scene needs a PostgreSQL of its own")
    return system.postgres
