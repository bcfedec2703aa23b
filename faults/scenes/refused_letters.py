"""The queue of letters full, and its policy refuses more: those requests wait, all others go on."""

from __future__ import annotations

import asyncio
import json
import re
from random import Random
from typing import Final

from faults.crew import Crew
from faults.ledger import Request
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, unharmed
from faults.stage import Stage

ROOM: Final = 2
"""Letters that the queue takes."""

PREFETCH: Final = 20
"""Requests in a worker's hands: more than that have to wait for room."""

FAILING: Final = {False: 0.08, True: 0.3}
"""The part of the requests that becomes letters, in full and in the short form."""

TIMEOUT: Final = 10.0
"""Seconds within which each of the others has its answer, at its first try."""

LOST: Final = "lost the broker"
REFUSED: Final = "takes no messages since"
AGAIN: Final = "takes messages again"
"""What workers log."""


@scene(
    "refused-letters",
    title="letters refused (`reject-publish` on their queue)",
    requests=5_000,
    strikes=300,
    short_requests=200,
    short_strikes=40,
    simulate=True,
    settings={"PREFETCH": str(PREFETCH), "MAX_RETRIES": "0"},
    letters_once=True,
)
async def refused_letters(stage: Stage, plan: Plan) -> None:
    """Have the queue refuse letters until the load is over; each request that has to become one is a strike."""
    waiting = 0

    def make(_number: int, random: Random) -> Request:
        nonlocal waiting
        if random.random() < FAILING[plan.short]:
            waiting += 1
            return stage.ordinary("send", due="retries exhausted: ", simulate_temp_error=True)
        return stage.ordinary("ask")

    async with stage.crew(2) as crew:
        await asyncio.to_thread(_limit, stage)
        load = stage.load(plan.requests, make=make, rate=50, timeout=TIMEOUT, until=plan.strikes)
        async with load:
            counted = 0
            while await load.goes_on(0.2):
                stage.struck(waiting - counted)
                counted = waiting
        await asyncio.to_thread(stage.broker.control, "clear_policy", _policy(stage))
        _judge(load, crew)
        for member in crew.members:
            await member.says(AGAIN)
        stage.notes["requests that had to wait"] = waiting


def _policy(stage: Stage) -> str:
    return f"refuse-{stage.topology.prefix}"


def _limit(stage: Stage) -> None:
    definition = json.dumps({"max-length": ROOM, "overflow": "reject-publish"})
    pattern = f"^{re.escape(stage.topology.dead_letters)}$"
    stage.broker.control("set_policy", _policy(stage), pattern, definition, "--apply-to", "queues")


def _judge(load: Load, crew: Crew) -> None:
    unharmed(crew)
    if lost := sum(member.count(LOST) for member in crew.members):
        raise SceneFailed(f"workers lost the broker {lost} times")
    if load.errors:
        raise SceneFailed(f"callers of others met {dict(load.errors)}: {load.texts}")
    told = [member.count(REFUSED) for member in crew.members]
    if not all(0 < count <= 1 + load.begun // 1_000 for count in told):
        raise SceneFailed(f"workers told {told} times that the queue refuses letters")
