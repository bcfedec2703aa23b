"""Headers so large that their frame exceeds what was agreed when the broker has added its own."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

import msgspec

from faults.crew import Crew
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, said
from faults.stage import Stage
from faults.stranger import Stranger
from leveret.amqp import FieldTable, Message
from leveret.amqp.properties import encode_properties

FITS: Final = 131_072 - 8 - 14
"""Bytes of properties in the largest frame that a client may send."""

LESS: Final = (0, 1, 30, 150)
"""So many bytes below that the headers are: with what the broker adds all of them are above it."""

TOGETHER: Final = 10
KILLS: Final = (20, 1)
"""How often a worker is killed that has such messages in its hands, in full and in the short form."""

LOST: Final = "lost the broker"
"""What a worker logs when its session ends, as it did with each such message."""

CLIENTS_WAIT: Final = 30.0
"""Seconds within which the clients of the load are answered, all of them."""


@scene(
    "poisoned-headers",
    title="headers that the broker makes larger than a frame may be",
    requests=5_000,
    strikes=1_000,
    short_requests=200,
    short_strikes=20,
    settings={"RETRY_DELAY": "100ms"},
)
async def poisoned_headers(stage: Stage, plan: Plan) -> None:
    """Send such headers straight to the workers, of which some die, and by way of a queue that adds `x-death`.

    A strike is a message that came with `x-death` and was answered: each of these had a frame that was too large.
    """
    kills, half = KILLS[plan.short], TOGETHER // 2
    async with (
        stage.crew(2) as crew,
        Stranger(stage.broker.url) as stranger,
        stage.load(plan.requests, rate=200, timeout=CLIENTS_WAIT, until=plan.strikes) as load,
    ):
        while await load.goes_on(0.05):
            if stage.strikes < plan.strikes:
                await _send(stage, stranger, plan.random)
                if kills and load.begun > plan.requests // 4 and await crew.kill():
                    kills -= 1
                if not await stranger.all_answered():
                    raise SceneFailed(f"{stranger.sent - stranger.answered} messages with large headers had no answer")
                stage.struck(half)
    if kills:
        raise SceneFailed(f"{kills} workers are still to be killed")
    _judge(crew, load)
    stage.notes["answers to large headers"] = dict(stranger.answers)


async def _send(stage: Stage, stranger: Stranger, random: Random) -> None:
    """Send some messages to the exchange, as a caller does, and as many by way of the retry queue."""
    topology = stage.topology
    ways = [(topology.exchange, topology.requests), ("", topology.retries[0])] * (TOGETHER // 2)
    messages = [_message(stranger, exchange, key, FITS - random.choice(LESS)) for exchange, key in ways]
    await asyncio.gather(*map(stranger.publish, messages))


def _message(stranger: Stranger, exchange: str, key: str, size: int) -> Message:
    plain = stranger.properties()
    around = len(encode_properties(msgspec.structs.replace(plain, headers={"pad": ""}))[1])
    headers: FieldTable = {"pad": "x" * (size - around)}
    return Message(b"{}", key, exchange, msgspec.structs.replace(plain, headers=headers))


def _judge(crew: Crew, load: Load) -> None:
    if lost := sum(said(crew, LOST)):
        raise SceneFailed(f"workers lost the broker {lost} times because of a header")
    if others := set(crew.deaths) - {"SIGKILL (planned)"}:
        raise SceneFailed(f"workers ended by themselves: {others}")
    if load.errors["NoAnswer"]:
        raise SceneFailed(f"clients waited {CLIENTS_WAIT:g} s in vain: {load.texts['NoAnswer']}")
