"""Messages that harm whoever reads them: bodies that take much memory, and such as kill at once."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

import psycopg

from faults.ledger import Request
from faults.poisoned import COMMAND, EAT, POISON, READ, harm_done
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed
from faults.stage import Stage
from faults.stranger import Stranger
from leveret.amqp import Message
from leveret.wire.limits import LARGEST_REQUEST

DEADLY: Final = (10, 1)
"""Messages that kill who reads them, in full and in the short form."""

DEATHS: Final = 3
"""One of them gets so many workers at least, see `faults.scenes.poison`."""

REASON: Final = "workers died while they read this message"

WAVES: Final = (3, 1)
"""How often large bodies come, in full and in the short form."""

TOGETHER: Final = (400, 240)
"""Large bodies that are sent at once."""

LOCKED: Final = 4.0
"""Seconds, at most, that nobody can read tasks meanwhile, so that what the workers have read stays in their hands."""

CLIENTS_WAIT: Final = 120.0
"""Seconds within which the clients of the load are answered, all of them."""

EARLY: Final = 0.9
"""All deadly messages lie in this first share of the load."""

MANY: Final = "[" + ",".join(["{}"] * (LARGEST_REQUEST // 3 - 1_000)) + "]"
OBJECTS: Final = ",".join(['{"a":{}}'] * 4_900)
ARRAYS: Final = ",".join(["[[[[0]]]]"] * 1_900)
FILLINGS: Final = (MANY, f'[{OBJECTS},"{"x" * 200_000}"]', f'[{ARRAYS},"{chr(0x1F600) * 50_000}"]')
"""A field of a large body: more values than are taken, nearly as many as are taken, and these with a wide text."""


def _needed(*, short: bool) -> int:
    return DEADLY[short] * DEATHS + WAVES[short]


@scene(
    "intake-flood",
    title="a flood that kills at intake: bodies that take memory, and 10 that kill who reads them",
    requests=5_000,
    strikes=_needed(short=False),
    short_requests=300,
    short_strikes=_needed(short=True),
    database="postgresql",
    letters_once=True,
)
async def intake_flood(stage: Stage, plan: Plan) -> None:
    """Send both among good requests, to workers with a limit of memory.

    A strike is a worker that dies of reading, three for each deadly message, or a flood that has passed.
    """
    places = set(plan.random.sample(range(int(plan.requests * EARLY)), DEADLY[plan.short]))

    def make(number: int, random: Random) -> Request:
        if number in places:
            return stage.ordinary("send", due=REASON, **{POISON: READ})
        return stage.ordinary("ask" if random.random() < 0.5 else "send")

    async with (
        stage.crew(2, COMMAND),
        Stranger(stage.broker.url) as stranger,
        stage.load(plan.requests, make=make, rate=100, timeout=CLIENTS_WAIT, until=plan.strikes) as load,
    ):
        floods = 0
        while await load.goes_on(0.2):
            idle = stranger.sent == stranger.answered
            deaths = min(harm_done(stage.folder)[READ], DEADLY[plan.short] * DEATHS)
            stage.struck(deaths + (floods if idle else floods - 1) - stage.strikes)
            if idle and floods < WAVES[plan.short]:
                floods += 1
                await _flood(stage, stranger, TOGETHER[plan.short])
    stage.notes["harm done"], stage.notes["answers to large bodies"] = dict(harm_done(stage.folder)), stranger.answers
    if eaten := harm_done(stage.folder)[EAT]:
        raise SceneFailed(f"{eaten} workers grew above their limit of memory")
    if load.errors["NoAnswer"]:
        raise SceneFailed(f"clients waited {CLIENTS_WAIT:g} s in vain: {load.texts['NoAnswer']}")


async def _flood(stage: Stage, stranger: Stranger, count: int) -> None:
    """Send large bodies while nobody gets anything done with tasks."""
    with psycopg.connect(stage.database_url.replace("+psycopg", "")) as holder:
        holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        sending = [asyncio.create_task(stranger.publish(_large(stage, stranger, each))) for each in range(count)]
        await asyncio.wait(sending, timeout=LOCKED)
    await asyncio.gather(*sending)


def _large(stage: Stage, stranger: Stranger, number: int) -> Message:
    """A request that reads, with a field that nobody knows: it stays in memory until it has its answer."""
    properties = stranger.properties()
    filling = FILLINGS[number % len(FILLINGS)]
    fields = f'"id":"{properties.correlation_id}","version":"v1","action":"get_task","auth":"{stage.tokens[1]}"'
    body = f'{{{fields},"data":{{"task_id":1,"filling":{filling}}}}}'.encode()
    assert len(body) <= LARGEST_REQUEST  # noqa: S101 -- otherwise it is refused for its size, which is nothing
    return Message(body, stage.topology.requests, stage.topology.exchange, properties)
