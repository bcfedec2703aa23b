"""Messages that harm the worker that reads them: bodies that take much memory, and messages that kill at once."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

from faults.ledger import Request
from faults.poisoned import COMMAND, EAT, POISON, READ, harm_done
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed
from faults.stranger import Stranger
from faults.system import System
from faults.working import search_path
from leveret.amqp import Message
from leveret.wire.limits import LARGEST_REQUEST

DEADLY: Final = (10, 1)
"""Number of messages that kill the worker that reads them, in full and in the short form."""

DEATHS: Final = 3
"""Workers, at least, that each of them kills; see `faults.scenes.poison`."""

REASON: Final = "workers died while they read this message"

WAVES: Final = (3, 1)
"""How often large bodies are sent, in full and in the short form."""

TOGETHER: Final = (400, 240)
"""Number of large bodies that are sent at once."""

LOCKED: Final = 4.0
"""Seconds, at most, that the table of tasks is locked, so that workers hold the bodies that they have read."""

CLIENTS_WAIT: Final = 60.0
"""Seconds within which every client of the load has to be answered."""

EARLY: Final = 0.9
"""First share of the load in which all deadly messages lie."""

MANY: Final = "[" + ",".join(["{}"] * (LARGEST_REQUEST // 3 - 1_000)) + "]"
OBJECTS: Final = ",".join(['{"a":{}}'] * 4_900)
ARRAYS: Final = ",".join(["[[[[0]]]]"] * 1_900)
FILLINGS: Final = (MANY, f'[{OBJECTS},"{"x" * 200_000}"]', f'[{ARRAYS},"{chr(0x1F600) * 50_000}"]')
"""Fields of large bodies: with more values than are allowed, with nearly as many, and with such and a wide text."""


def _needed(*, short: bool) -> int:
    return DEADLY[short] * DEATHS + WAVES[short]


@scene(
    "intake-flood",
    title="a flood that kills at intake: bodies that take memory, and 10 that kill the worker that reads them",
    requests=5_000,
    strikes=_needed(short=False),
    short_requests=300,
    short_strikes=_needed(short=True),
    database="postgresql",
    letters_once=True,
)
async def intake_flood(system: System, plan: Plan) -> None:
    """Send both among good requests, to workers with a limit of memory.

    A strike is the death of a worker that reads a deadly message, three for each of these, or a flood that is over.
    """
    system.variables["PYTHONPATH"] = search_path()
    places = set(plan.random.sample(range(int(plan.requests * EARLY)), DEADLY[plan.short]))

    def make(number: int, random: Random) -> Request:
        if number in places:
            return system.ordinary("send", due=REASON, **{POISON: READ})
        return system.ordinary("ask" if random.random() < 0.5 else "send")

    async with (
        system.workers(2, COMMAND),
        Stranger(system.broker.url) as stranger,
        system.load(plan.requests, make=make, rate=100, timeout=CLIENTS_WAIT, until=plan.strikes) as load,
    ):
        floods = 0
        while await load.goes_on(0.2):
            idle = stranger.sent == stranger.answered
            deaths = min(harm_done(system.folder)[READ], DEADLY[plan.short] * DEATHS)
            system.struck(deaths + (floods if idle else floods - 1) - system.strikes)
            if idle and floods < WAVES[plan.short]:
                floods += 1
                await _flood(system, stranger, TOGETHER[plan.short])
    system.notes["harm done"], system.notes["answers to large bodies"] = (
        dict(harm_done(system.folder)),
        stranger.answers,
    )
    if eaten := harm_done(system.folder)[EAT]:
        raise SceneFailed(f"{eaten} workers grew above their limit of memory")
    if load.errors["NoAnswer"]:
        raise SceneFailed(f"clients waited {CLIENTS_WAIT:g} s in vain: {load.texts['NoAnswer']}")


async def _flood(system: System, stranger: Stranger, count: int) -> None:
    """Send large bodies while the table of tasks is locked."""
    with system.connect_postgres() as holder:
        holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        sending = [asyncio.create_task(stranger.publish(_large(system, stranger, each))) for each in range(count)]
        await asyncio.wait(sending, timeout=LOCKED)
    await asyncio.gather(*sending)


def _large(system: System, stranger: Stranger, number: int) -> Message:
    """Make a request that reads a task and has an unknown field; it stays in memory until it is answered."""
    properties = stranger.properties()
    filling = FILLINGS[number % len(FILLINGS)]
    fields = f'"id":"{properties.correlation_id}","version":"v1","action":"get_task","auth":"{system.tokens[1]}"'
    body = f'{{{fields},"data":{{"task_id":1,"filling":{filling}}}}}'.encode()
    assert len(body) <= LARGEST_REQUEST  # noqa: S101 -- a larger one would be refused for its size
    return Message(body, system.topology.requests, system.topology.exchange, properties)
