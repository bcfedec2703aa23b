"""Headers so large that their frame exceeds the negotiated size after the broker has added its own headers."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

import msgspec

from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, still_connected
from faults.stranger import Stranger
from faults.system import System
from faults.workers import WorkerGroup
from leveret.amqp import FieldTable, Message
from leveret.amqp.properties import encode_properties

FITS: Final = 131_072 - 8 - 14
"""Bytes of properties in the largest frame that a client may send."""

LESS: Final = (0, 1, 30, 150)
"""Bytes by which the properties are smaller than that; with the broker's additions all of them are larger."""

TOGETHER: Final = 10
"""Number of messages that are sent at once."""

KILLS: Final = (20, 1)
"""How often a worker that holds such messages is killed, in full and in the short form."""

CLIENTS_WAIT: Final = 30.0
"""Seconds within which every client of the load has to be answered."""


@scene(
    "poisoned-headers",
    title="headers that the broker makes larger than a frame may be",
    requests=5_000,
    strikes=1_000,
    short_requests=200,
    short_strikes=20,
    settings={"RETRY_DELAY": "100ms"},
)
async def poisoned_headers(system: System, plan: Plan) -> None:
    """Send such headers directly to workers, some of which are killed, and through a queue that adds `x-death`.

    A strike is a message that came with `x-death` and was answered, because the frame of each of these was too large.
    """
    kills, half = KILLS[plan.short], TOGETHER // 2
    async with (
        system.workers(2) as workers,
        Stranger(system.broker.url) as stranger,
        system.load(plan.requests, rate=200, timeout=CLIENTS_WAIT, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.05):
            if system.strikes < plan.strikes:
                await _send(system, stranger, plan.random)
                if kills and load.begun > plan.requests // 4 and await workers.kill():
                    kills -= 1
                if not await stranger.all_answered():
                    raise SceneFailed(f"{stranger.sent - stranger.answered} messages with large headers had no answer")
                system.struck(half)
    if kills:
        raise SceneFailed(f"{kills} workers are still to be killed")
    _judge(workers, load)
    system.notes["answers to large headers"] = dict(stranger.answers)


async def _send(system: System, stranger: Stranger, random: Random) -> None:
    """Send half of the messages to the exchange, as a caller does, and half through the retry queue."""
    topology = system.topology
    ways = [(topology.exchange, topology.requests), ("", topology.retries[0])] * (TOGETHER // 2)
    messages = [_message(stranger, exchange, key, FITS - random.choice(LESS)) for exchange, key in ways]
    await asyncio.gather(*map(stranger.publish, messages))


def _message(stranger: Stranger, exchange: str, key: str, size: int) -> Message:
    plain = stranger.properties()
    without = len(encode_properties(msgspec.structs.replace(plain, headers={"pad": ""}))[1])
    headers: FieldTable = {"pad": "x" * (size - without)}
    return Message(b"{}", key, exchange, msgspec.structs.replace(plain, headers=headers))


def _judge(workers: WorkerGroup, load: Load) -> None:
    still_connected(workers)
    if others := set(workers.deaths) - {"SIGKILL (planned)"}:
        raise SceneFailed(f"workers ended by themselves: {others}")
    if load.errors["NoAnswer"]:
        raise SceneFailed(f"clients waited {CLIENTS_WAIT:g} s in vain: {load.texts['NoAnswer']}")
