"""The queue of requests at its length limit: every refusal reaches a caller, nothing that was accepted is dropped."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import Final

from faults.evidence import drained
from faults.ledger import Request
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, unharmed
from faults.stage import Stage

LIMIT: Final = 20
"""Requests that may wait."""

FAILING: Final = 0.04
"""The part of the requests that fails, is retried, and so comes back to a queue that is full."""

AGAIN: Final = 2_000
"""Milliseconds after which the broker offers a retry again that found no room; of itself it takes three minutes."""

DRAIN: Final = 120.0
"""Seconds until all that was accepted has come to its end."""

TOLD: Final = re.compile(r"queue '\S+' takes no more requests at present\. Ask again in [\d.]+ s")


@scene(
    "queue-full",
    title="queue full (`reject-publish`)",
    requests=5_000,
    strikes=500,
    short_requests=400,
    short_strikes=50,
    own_broker=True,
    simulate=True,
    settings={"QUEUE_LIMIT": str(LIMIT), "PREFETCH": "10"},
)
async def queue_full(stage: Stage, plan: Plan) -> None:
    """Send more than workers get done; each refusal by the broker is a strike when a caller was told of it."""

    def make(_number: int, random: Random) -> Request:
        if random.random() < FAILING:
            return stage.ordinary("send", due="retries exhausted: ", simulate_temp_error=True)
        return stage.ordinary("ask" if random.random() < 0.5 else "send")

    # Read by the broker when the first worker makes the queues.
    timeout = f"application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, {AGAIN})."
    await asyncio.to_thread(stage.broker.evaluate, timeout)
    async with stage.crew(2) as crew:
        before = await _refusals(stage)
        async with stage.load(plan.requests, make=make, in_flight=300, timeout=20.0) as load:
            told = 0
            while await load.goes_on(0.2):
                stage.struck(load.errors["overloaded"] - told)
                told = load.errors["overloaded"]
        await drained(stage.broker, stage.topology, DRAIN)
        _judge(load, await _refusals(stage) - before)
        unharmed(crew)


def _judge(load: Load, refusals: int) -> None:
    """Compare what callers were told with what the broker did."""
    told = load.errors["overloaded"]
    if told != refusals:
        raise SceneFailed(f"the broker refused {refusals} messages, and callers were told of {told}")
    if others := {kind: count for kind, count in load.errors.items() if kind != "overloaded"}:
        raise SceneFailed(f"callers met something else than overloaded: {others}, {load.texts}")
    if not TOLD.search(load.texts["overloaded"]):
        raise SceneFailed(f"the refusal does not say what to do: {load.texts['overloaded']}")


async def _refusals(stage: Stage) -> int:
    """How many messages the broker has refused in its life, by its own counters; when nothing is under way in it."""
    names = ("messages_received_confirm_total", "messages_confirmed_total")
    found = ", ".join(f"maps:get({name}, All)" for name in names)
    expression = f"All = maps:get([{{protocol,amqp091}}], rabbit_global_counters:overview()), {{{found}}}."
    said = await asyncio.to_thread(stage.broker.evaluate, expression)
    received, confirmed = map(int, re.findall(r"\d+", said))
    return received - confirmed
