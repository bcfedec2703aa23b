"""Requests on which PostgreSQL ends the connection, among good ones, which must not suffer from them."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

from faults.ledger import Request
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, said, unharmed
from faults.system import System
from faults.workers import PAUSED, WorkerGroup
from leveret.inbox.outages import TRIES
from leveret.retry import ATTEMPTS_ALONE

POISONED: Final = (20, 2)
"""How many requests are poison, in full and in the short form."""

MARK: Final = "poison"
"""Description of the poison, by which the trigger recognizes it."""

REASON: Final = "The database failed on this request and answered others"

RETRY: Final = "retry #"
"""Text that a worker logs when it tries a request again."""

SLOWEST: Final = 10.0
"""Seconds that a good request may take; a pause for an outage, which must not happen, can take that long."""

EARLY: Final = 0.7
"""First share of the load in which all poison lies, because its retries take time."""

TRIGGER: Final = (
    b"CREATE SEQUENCE ends",  # a sequence keeps its count even if the transaction fails
    (
        b"CREATE FUNCTION end_connection() RETURNS trigger LANGUAGE plpgsql AS"
        b" $$ BEGIN PERFORM nextval('ends'); PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
    ),
    (
        b"CREATE TRIGGER poison BEFORE INSERT ON tasks FOR EACH ROW WHEN (NEW.description = 'poison')"
        b" EXECUTE FUNCTION end_connection()"
    ),
)

ENDS: Final = b"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ends"


def _needed(short: int) -> int:
    """Return how often connections have to end, because each attempt tries at least twice."""
    return POISONED[short] * ATTEMPTS_ALONE * TRIES


@scene(
    "database-poison",
    title="requests on which PostgreSQL ends the connection",
    requests=5_000,
    strikes=_needed(short=False),
    short_requests=300,
    short_strikes=_needed(short=True),
    database="postgresql",
    letters_once=True,
)
async def database_poison(system: System, plan: Plan) -> None:
    """Send poison at random places among good requests; each connection that ends is a strike."""
    poison = POISONED[plan.short]
    places = frozenset(plan.random.sample(range(int(plan.requests * EARLY)), poison))

    def make(number: int, random: Random) -> Request:
        if number in places:  # not asked, because asking again would send it again, and it has to have one letter
            return system.ordinary("send", due=REASON, description=MARK)
        return system.ordinary("ask" if random.random() < 0.5 else "send")

    await asyncio.to_thread(_execute, system, *TRIGGER)
    async with (
        system.workers(2) as workers,
        system.load(plan.requests, make=make, rate=200, timeout=30.0, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.2):
            system.struck(await asyncio.to_thread(_execute, system, ENDS) - system.strikes)
    _judge(system, workers, poison, max(load.seconds))


def _judge(system: System, workers: WorkerGroup, poison: int, slowest: float) -> None:
    """Check that no worker paused, that no good request was tried again, and that none waited long."""
    unharmed(workers)
    pauses, retries = sum(said(workers, PAUSED)), sum(said(workers, RETRY))
    system.notes["slowest answer to another request"] = f"{slowest:.2f} s"
    if pauses:
        raise SceneFailed(f"workers took poison for an outage of the database, and paused {pauses} times")
    if retries > poison * (ATTEMPTS_ALONE - 1):
        raise SceneFailed(f"{retries} retries of {poison} requests: other requests were tried again too")
    if slowest > SLOWEST:
        raise SceneFailed(f"a request waited {slowest:.1f} s for its answer")


def _execute(system: System, *statements: bytes) -> int:
    """Execute statements; return the number that the last one returns, or 0 if it returns none."""
    with system.connect_postgres(autocommit=True) as server:
        for statement in statements:
            cursor = server.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return int(row[0]) if row else 0
