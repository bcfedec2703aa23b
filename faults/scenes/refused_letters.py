"""The queue of letters is full and refuses more: requests that become letters wait, and all others go on."""

from __future__ import annotations

import asyncio
import json
import re
from random import Random
from typing import Final

from faults.ledger import Request
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, still_connected, unharmed
from faults.system import System
from faults.workers import WorkerGroup

ROOM: Final = 2
"""Number of letters that the queue takes."""

PREFETCH: Final = 20
"""Requests that a worker holds; more than these have to wait for room in the queue of letters."""

FAILING: Final = {False: 0.08, True: 0.3}
"""Share of the requests that become letters, in full and in the short form."""

TIMEOUT: Final = 10.0
"""Seconds within which each other request is answered at its first try."""

REFUSED: Final = "has taken no messages since"
AGAIN: Final = "takes messages again"
"""Texts that workers log."""


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
async def refused_letters(system: System, plan: Plan) -> None:
    """Let the queue refuse letters until the load is over; each request that has to become a letter is a strike."""
    waiting = 0

    def make(_number: int, random: Random) -> Request:
        nonlocal waiting
        if random.random() < FAILING[plan.short]:
            waiting += 1
            return system.ordinary("send", due="retries exhausted: ", simulate_temp_error=True)
        return system.ordinary("ask")

    async with system.workers(2) as workers:
        await asyncio.to_thread(_limit, system)
        load = system.load(plan.requests, make=make, rate=50, timeout=TIMEOUT, until=plan.strikes)
        async with load:
            counted = 0
            while await load.goes_on(0.2):
                system.struck(waiting - counted)
                counted = waiting
        await asyncio.to_thread(system.broker.control, "clear_policy", _policy(system))
        _judge(load, workers)
        for worker in workers.current:
            await worker.says(AGAIN)
        system.notes["requests that had to wait"] = waiting


def _policy(system: System) -> str:
    return f"refuse-{system.topology.prefix}"


def _limit(system: System) -> None:
    definition = json.dumps({"max-length": ROOM, "overflow": "reject-publish"})
    pattern = f"^{re.escape(system.topology.dead_letters)}$"
    system.broker.control("set_policy", _policy(system), pattern, definition, "--apply-to", "queues")


def _judge(load: Load, workers: WorkerGroup) -> None:
    unharmed(workers)
    still_connected(workers)
    if load.errors:
        raise SceneFailed(f"callers of other requests received errors {dict(load.errors)}: {load.texts}")
    logged = [worker.count(REFUSED) for worker in workers.current]
    if not all(0 < count <= 1 + load.begun // 1_000 for count in logged):
        raise SceneFailed(f"workers logged {logged} times that the queue refuses letters")
