"""The queue of requests is at its length limit: every refusal reaches a caller, and no accepted request is dropped."""

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
from faults.system import System

LIMIT: Final = 20
"""Number of requests that may wait in the queue."""

FAILING: Final = 0.04
"""Share of the requests that fail and are retried, and so come back to a full queue."""

AGAIN: Final = 2_000
"""Milliseconds after which the broker offers a retry again that found no room; by default it takes three minutes."""

DRAIN: Final = 120.0
"""Seconds within which everything that was accepted has to be finished."""

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
async def queue_full(system: System, plan: Plan) -> None:
    """Send more requests than the workers can run; each refusal of the broker that reaches a caller is a strike."""

    def make(_number: int, random: Random) -> Request:
        if random.random() < FAILING:
            return system.ordinary("send", due="retries exhausted: ", simulate_temp_error=True)
        return system.ordinary("ask" if random.random() < 0.5 else "send")

    # The broker reads this when the first worker declares the queues.
    timeout = f"application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, {AGAIN})."
    await asyncio.to_thread(system.broker.evaluate, timeout)
    async with system.workers(2) as workers:
        before = await _refusals(system)
        async with system.load(plan.requests, make=make, in_flight=300, timeout=20.0) as load:
            told = 0
            while await load.goes_on(0.2):
                system.struck(load.errors["overloaded"] - told)
                told = load.errors["overloaded"]
        await drained(system.broker, system.topology, DRAIN)
        _judge(load, await _refusals(system) - before)
        unharmed(workers)


def _judge(load: Load, refusals: int) -> None:
    """Compare the errors that callers received with what the broker did."""
    told = load.errors["overloaded"]
    if told != refusals:
        raise SceneFailed(f"the broker refused {refusals} messages, but callers received {told} refusals")
    if others := {kind: count for kind, count in load.errors.items() if kind != "overloaded"}:
        raise SceneFailed(f"callers received other errors than overloaded: {others}, {load.texts}")
    if not TOLD.search(load.texts["overloaded"]):
        raise SceneFailed(f"the refusal does not say what to do: {load.texts['overloaded']}")


async def _refusals(system: System) -> int:
    """Return how many messages the broker has refused since its start, by its own counters.

    The count is right only while no message is under way in the broker.
    """
    names = ("messages_received_confirm_total", "messages_confirmed_total")
    found = ", ".join(f"maps:get({name}, All)" for name in names)
    expression = f"All = maps:get([{{protocol,amqp091}}], rabbit_global_counters:overview()), {{{found}}}."
    said = await asyncio.to_thread(system.broker.evaluate, expression)
    received, confirmed = map(int, re.findall(r"\d+", said))
    return received - confirmed
