"""Poison among good requests: some raise, some kill the worker, some eat its memory."""

from __future__ import annotations

from random import Random
from typing import Final

from faults.ledger import Request
from faults.poisoned import COMMAND, EAT, KILL, POISON, RAISE, harm_done
from faults.scene import Plan, scene
from faults.stage import Stage

RAISING: Final = (50, 4)
DEADLY: Final = (10, 1)
"""How many there are, in full and in the short form; of the deadly ones so many kill, and as many eat."""

ATTEMPTS: Final = 4
"""One that raises is tried so often."""

DEATHS: Final = 3
"""One that kills gets so many workers at least, and one more unless another one's death came before its first."""

REASONS: Final = {
    RAISE: "retries exhausted: ZeroDivisionError",
    KILL: "workers died while they ran this request",
    EAT: "workers died while they ran this request",
}

EARLY: Final = 0.7
"""All poison lies in this first share of the load: what it does takes time."""


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
async def poison(stage: Stage, plan: Plan) -> None:
    """Send poison at random places among good requests; each harm that it does is a strike."""
    kinds = [RAISE] * RAISING[plan.short] + [KILL, EAT] * DEADLY[plan.short]
    places = plan.random.sample(range(int(plan.requests * EARLY)), len(kinds))
    harmful = dict(zip(places, kinds, strict=True))

    def make(number: int, random: Random) -> Request:
        if harm := harmful.get(number):
            # Not asked, since asking again would send it again: each is to have one letter.
            return stage.ordinary("send", due=REASONS[harm], **{POISON: harm})
        return stage.ordinary("ask" if random.random() < 0.5 else "send")

    async with (
        stage.crew(2, COMMAND),
        stage.load(plan.requests, make=make, rate=200, timeout=30.0, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.2):
            stage.struck(harm_done(stage.folder).total() - stage.strikes)
    stage.notes["harm done"] = dict(harm_done(stage.folder))
