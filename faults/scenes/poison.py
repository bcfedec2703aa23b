"""Poison among good requests: some raise an error, some kill the worker, and some eat its memory."""

from __future__ import annotations

from random import Random
from typing import Final

from faults.ledger import Request
from faults.poisoned import COMMAND, EAT, KILL, POISON, RAISE, harm_done
from faults.scene import Plan, scene
from faults.system import System
from faults.working import search_path

RAISING: Final = (50, 4)
"""Number of requests that raise an error, in full and in the short form."""

DEADLY: Final = (10, 1)
"""Number of requests that kill the worker, and again of requests that eat its memory, in full and in the short form."""

ATTEMPTS: Final = 4
"""How often a request that raises is tried."""

DEATHS: Final = 3
"""Workers, at least, on which a deadly request dies; one more, unless another death came before its first one."""

REASONS: Final = {
    RAISE: "retries exhausted: ZeroDivisionError",
    KILL: "workers died while they ran this request",
    EAT: "workers died while they ran this request",
}

EARLY: Final = 0.7
"""First share of the load in which all poison lies, because its harm takes time."""


def _needed(short: int) -> int:
    return RAISING[short] * ATTEMPTS + 2 * DEADLY[short] * DEATHS


@scene(
    "poison",
    title="poison: 50 that raise, 10 that kill the worker, 10 that eat its memory",
    requests=5_000,
    strikes=_needed(short=False),
    short_requests=300,
    short_strikes=_needed(short=True),
    database="postgresql",
    letters_once=True,
)
async def poison(system: System, plan: Plan) -> None:
    """Send poison at random places among good requests; each harm that it does is a strike."""
    system.variables["PYTHONPATH"] = search_path()
    kinds = [RAISE] * RAISING[plan.short] + [KILL, EAT] * DEADLY[plan.short]
    places = plan.random.sample(range(int(plan.requests * EARLY)), len(kinds))
    harmful = dict(zip(places, kinds, strict=True))

    def make(number: int, random: Random) -> Request:
        if harm := harmful.get(number):
            # Not asked, because asking again would send it again, and each has to have one letter.
            return system.ordinary("send", due=REASONS[harm], **{POISON: harm})
        return system.ordinary("ask" if random.random() < 0.5 else "send")

    async with (
        system.workers(2, COMMAND),
        system.load(plan.requests, make=make, rate=200, timeout=30.0, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.2):
            system.struck(harm_done(system.folder).total() - system.strikes)
    system.notes["harm done"] = dict(harm_done(system.folder))
