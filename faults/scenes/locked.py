"""Another program locks the database for longer than any statement waits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

import psycopg

from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import LIMIT, SceneFailed, all_say, said, summary
from faults.system import System
from faults.workers import PAUSED, WorkerGroup

LOCKED: Final = (20.0, 5.5)
"""Seconds that a lock is held, in full and in the short form; a statement waits 5 seconds for a lock."""

TABLES: Final[Sequence[Sequence[bytes]]] = (
    (b"processed_requests", b"crash_journal", b"users", b"tasks"),
    (b"tasks",),
    (b"processed_requests",),
)
"""Tables that are locked in PostgreSQL: all, as a restore does, or one, as a change of its columns does."""

FLOWING: Final = 20
"""Requests that have to be finished after a lock."""

Lock = Callable[[], sqlite3.Connection | psycopg.Connection]
"""Function that locks, and returns the connection that holds the lock until it is closed."""


@scene(
    "sqlite-locked",
    title="database locked for 20 s (SQLite)",
    requests=5_000,
    strikes=3,
    short_requests=200,
    short_strikes=1,
)
async def sqlite_locked(system: System, plan: Plan) -> None:
    """Hold the write lock of the file."""

    def lock() -> sqlite3.Connection:
        file = system.database_url.removeprefix("sqlite:///")
        holder = sqlite3.connect(file, timeout=30.0, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        return holder

    await _run(system, plan, [lock] * plan.strikes)


@scene(
    "postgres-locked",
    title="database locked for 20 s (PostgreSQL)",
    requests=5_000,
    strikes=3,
    short_requests=200,
    short_strikes=1,
    database="postgresql",
)
async def postgres_locked(system: System, plan: Plan) -> None:
    """Lock all tables, then only the table of the effects, then only the table of the responses."""

    def locking(tables: Sequence[bytes]) -> Lock:
        def lock() -> psycopg.Connection:
            holder = system.connect_postgres()
            holder.execute(b"LOCK TABLE " + b", ".join(tables) + b" IN ACCESS EXCLUSIVE MODE")
            return holder

        return lock

    await _run(system, plan, [locking(tables) for tables in TABLES[: plan.strikes]])


async def _run(system: System, plan: Plan, locks: Sequence[Lock]) -> None:
    """Lock after equal parts of the load; each worker has to find that the database has failed, and not a request."""
    again: list[float] = []
    # On a busy machine a short load would be over before the lock, so it waits for the lock; a long one does not.
    part, until = (plan.requests // 8, plan.strikes) if plan.short else (plan.requests // (len(locks) + 1), 0)
    async with system.workers(2) as workers, system.load(plan.requests, rate=200, timeout=45.0, until=until) as load:
        for number, lock in enumerate(locks, 1):
            if not await load.reached(part * number):
                raise SceneFailed(f"the load had ended before lock {number}")
            finished = await _strike(system, workers, load, lock, LOCKED[plan.short])
            again.append(await _flows(load, finished + FLOWING))
    system.notes["answers again, after the lock"] = summary(again)


async def _strike(system: System, workers: WorkerGroup, load: Load, lock: Lock, seconds: float) -> int:
    """Hold a lock; return how many requests are finished when it is released."""
    now, before = asyncio.get_running_loop().time, said(workers, PAUSED)
    with closing(await asyncio.to_thread(lock)):
        ends = now() + seconds
        await all_say(workers, PAUSED, before)
        await asyncio.sleep(max(0.0, ends - now()))  # how long the fault lasts
        if not system.struck():
            raise SceneFailed("the load ended with the lock")
        return load.finished


async def _flows(load: Load, wanted: int) -> float:
    """Wait until ``wanted`` requests are finished, and return how many seconds that took.

    Raises:
        SceneFailed: they are not finished within the limit.
    """
    now = asyncio.get_running_loop().time
    began = now()
    try:
        async with asyncio.timeout(LIMIT):
            if not await load.reached(wanted) and load.finished < wanted:
                raise SceneFailed(f"the load ended after {load.finished} requests, {wanted} are needed")
    except TimeoutError:
        raise SceneFailed(f"fewer than {FLOWING} requests were finished within {LIMIT:g} s after the lock") from None
    return now() - began
