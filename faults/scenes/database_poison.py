"""Requests on which PostgreSQL ends the connection, among good ones, which must hardly notice."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

import psycopg

from faults.crew import Crew
from faults.ledger import Request
from faults.scene import Plan, scene
from faults.scenes.postgres import AWAY
from faults.scenes.recovery import SceneFailed, said, unharmed
from faults.stage import Stage
from leveret.inbox.outages import TRIES
from leveret.retry import ATTEMPTS_ALONE

POISONED: Final = (20, 2)
"""How many requests are poison, in full and in the short form."""

MARK: Final = "poison"
"""Their description, by which the trigger knows them."""

REASON: Final = "The database failed on this request and answered others"

RETRY: Final = "retry #"
"""What a worker logs when it tries a request again."""

SLOWEST: Final = 10.0
"""Seconds: a pause for an outage of the database, of which there must be none, can be as long."""

EARLY: Final = 0.7
"""All poison lies in this first share of the load: its retries take time."""

TRIGGER: Final = (
    b"CREATE SEQUENCE ends",  # what a sequence counts stays, whatever becomes of the transaction
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
    """How often connections end: each attempt tries at least twice."""
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
async def database_poison(stage: Stage, plan: Plan) -> None:
    """Send poison at random places among good requests; each connection that it ends is a strike."""
    poison = POISONED[plan.short]
    places = frozenset(plan.random.sample(range(int(plan.requests * EARLY)), poison))

    def make(number: int, random: Random) -> Request:
        if number in places:  # not asked, since asking again would send it again: each is to have one letter
            return stage.ordinary("send", due=REASON, description=MARK)
        return stage.ordinary("ask" if random.random() < 0.5 else "send")

    await asyncio.to_thread(_execute, stage, *TRIGGER)
    async with (
        stage.crew(2) as crew,
        stage.load(plan.requests, make=make, rate=200, timeout=30.0, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.2):
            stage.struck(await asyncio.to_thread(_execute, stage, ENDS) - stage.strikes)
    _judge(stage, crew, poison, max(load.seconds))


def _judge(stage: Stage, crew: Crew, poison: int, slowest: float) -> None:
    """See that nobody paused, nobody else's request was tried again, and nobody waited long."""
    unharmed(crew)
    pauses, retries = sum(said(crew, AWAY)), sum(said(crew, RETRY))
    stage.notes["slowest answer to another request"] = f"{slowest:.2f} s"
    if pauses:
        raise SceneFailed(f"workers took poison for an outage of the database and paused {pauses} times")
    if retries > poison * (ATTEMPTS_ALONE - 1):
        raise SceneFailed(f"{retries} retries of {poison} requests: others were tried again with them")
    if slowest > SLOWEST:
        raise SceneFailed(f"a request waited {slowest:.1f} s for its answer")


def _execute(stage: Stage, *statements: bytes) -> int:
    """Execute statements; returns the number that the last one gives, 0 when it gives none."""
    with psycopg.connect(stage.database_url.replace("+psycopg", ""), autocommit=True) as server:
        for statement in statements:
            cursor = server.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return int(row[0]) if row else 0
