"""The database locked by another program, for longer than any statement waits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

import psycopg

from faults.crew import Crew
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import LIMIT, SceneFailed, all_say, said, summary
from faults.stage import Stage

LOCKED: Final = (20.0, 5.5)
"""Seconds that a lock is held, in full and in the short form; a statement waits 5 seconds for a lock."""

PAUSED: Final = "paused: "
"""What a worker logs when it has found that it is not a request's fault."""

TABLES: Final[Sequence[Sequence[bytes]]] = (
    (b"processed_requests", b"crash_journal", b"users", b"tasks"),
    (b"tasks",),
    (b"processed_requests",),
)
"""What is locked in PostgreSQL: everything, as a restore does it, or one table, as a change of its columns does."""

FLOWING: Final = 20
"""Requests that have to come to their end after a lock."""

Lock = Callable[[], sqlite3.Connection | psycopg.Connection]
"""Locks, and gives the connection that holds the lock until it is closed."""


@scene(
    "sqlite-locked",
    title="database locked for 20 s (SQLite)",
    requests=5_000,
    strikes=3,
    short_requests=200,
    short_strikes=1,
)
async def sqlite_locked(stage: Stage, plan: Plan) -> None:
    """Hold the one write lock of the file."""

    def lock() -> sqlite3.Connection:
        file = stage.database_url.removeprefix("sqlite:///")
        holder = sqlite3.connect(file, timeout=30.0, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        return holder

    await _play(stage, plan, [lock] * plan.strikes)


@scene(
    "postgres-locked",
    title="database locked for 20 s (PostgreSQL)",
    requests=5_000,
    strikes=3,
    short_requests=200,
    short_strikes=1,
    database="postgresql",
)
async def postgres_locked(stage: Stage, plan: Plan) -> None:
    """Lock all tables, then that of the effects alone, then that of the responses alone."""

    def locking(tables: Sequence[bytes]) -> Lock:
        def lock() -> psycopg.Connection:
            holder = psycopg.connect(stage.database_url.replace("+psycopg", ""))
            holder.execute(b"LOCK TABLE " + b", ".join(tables) + b" IN ACCESS EXCLUSIVE MODE")
            return holder

        return lock

    await _play(stage, plan, [locking(tables) for tables in TABLES[: plan.strikes]])


async def _play(stage: Stage, plan: Plan, locks: Sequence[Lock]) -> None:
    """Lock after equal parts of the load; each worker has to find out that it is the database and not a request."""
    again: list[float] = []
    # A short load would be over before the lock on a busy machine, so it waits for it; a long one need not.
    part, until = (plan.requests // 8, plan.strikes) if plan.short else (plan.requests // (len(locks) + 1), 0)
    async with stage.crew(2) as crew, stage.load(plan.requests, rate=200, timeout=45.0, until=until) as load:
        for number, lock in enumerate(locks, 1):
            if not await load.reached(part * number):
                raise SceneFailed(f"the load had ended before lock {number}")
            finished = await _strike(stage, crew, load, lock, LOCKED[plan.short])
            again.append(await _flows(load, finished + FLOWING))
    stage.notes["answers again, after the lock"] = summary(again)


async def _strike(stage: Stage, crew: Crew, load: Load, lock: Lock, seconds: float) -> int:
    """Hold a lock; returns how many requests have come to their end when it is released."""
    now, before = asyncio.get_running_loop().time, said(crew, PAUSED)
    with closing(await asyncio.to_thread(lock)):
        ends = now() + seconds
        await all_say(crew, PAUSED, before)
        await asyncio.sleep(max(0.0, ends - now()))  # the fault itself
        if not stage.struck():
            raise SceneFailed("the load ended with the lock")
        return load.finished


async def _flows(load: Load, wanted: int) -> float:
    """Wait until so many requests have come to their end, and return how many seconds that took.

    Raises:
        SceneFailed: they have not within the limit.
    """
    now = asyncio.get_running_loop().time
    began = now()
    try:
        async with asyncio.timeout(LIMIT):
            if not await load.reached(wanted) and load.finished < wanted:
                raise SceneFailed(f"the load ended after {load.finished} requests, {wanted} are needed")
    except TimeoutError:
        raise SceneFailed(f"no {FLOWING} requests came to their end within {LIMIT:g} s after the lock") from None
    return now() - began
