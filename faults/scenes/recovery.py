"""How long workers take to consume again, by the broker's own word, and what they said meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from faults.crew import CONSUMING, Crew
from faults.stage import Stage

LOOK: Final = 0.1
"""Seconds between two looks at the broker."""

LIMIT: Final = 30.0
"""Seconds within which workers consume again, and calls come to their end again."""


class SceneFailed(Exception):
    """The fault had a consequence that it must not have; the text says which."""


@contextmanager
def operating(stage: Stage) -> Iterator[BlockingChannel]:
    """A channel at the broker itself, as an operator's tool has it."""
    parameters = pika.URLParameters(stage.broker.url.rstrip("/") + "/%2F")
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 5.0
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def consumers(stage: Stage) -> int:
    """How many consumers the queue of requests has, 0 also when broker or queue do not answer."""
    try:
        with operating(stage) as channel:
            return int(channel.queue_declare(stage.topology.requests, passive=True).method.consumer_count)
    except (AMQPError, OSError):
        return 0


async def consuming_again(stage: Stage, crew: Crew, before: list[int] | None = None, limit: float = LIMIT) -> float:
    """Wait until each worker has said once more that it consumes, and until the broker knows as many consumers.

    After a fault of the broker's own it alone is no witness: it takes consumers that are gone for living ones.

    Args:
        stage: where it happened.
        crew: the workers.
        before: how often each of them had said it before the fault; None when the broker's word is enough.
        limit: seconds.

    Returns:
        How many seconds it took from now on.

    Raises:
        CrewFailed: a worker has not within the limit.
        SceneFailed: the broker has not, or a worker has ended instead of going on by itself.
    """
    now = asyncio.get_running_loop().time
    began = now()
    if before is not None:
        await all_say(crew, CONSUMING, before, limit)
    while (count := await asyncio.to_thread(consumers, stage)) != len(crew.members):
        if now() - began > limit:
            raise SceneFailed(f"the broker has {count} consumers of {len(crew.members)} workers after {limit:g} s")
        await asyncio.sleep(LOOK)
    unharmed(crew)
    return now() - began


def unharmed(crew: Crew) -> None:
    """See that no worker had to be started again.

    Raises:
        SceneFailed: one had to.
    """
    if deaths := crew.deaths:
        raise SceneFailed(f"workers ended, although the fault is one to live through: {dict(deaths)}")


def said(crew: Crew, text: str) -> list[int]:
    """How often each worker has logged a text."""
    return [member.count(text) for member in crew.members]


async def all_say(crew: Crew, text: str, before: list[int], limit: float = LIMIT) -> None:
    """Wait until each worker has logged a text once more than before.

    Raises:
        CrewFailed: one has not within the limit, in seconds.
    """
    for member, count in zip(crew.members, before, strict=True):
        await member.says(text, count=count + 1, limit=limit)


def summary(seconds: list[float]) -> str:
    """The median and the longest of some times."""
    ordered = sorted(seconds)
    return f"median {ordered[len(ordered) // 2]:.1f} s, longest {ordered[-1]:.1f} s" if ordered else "never"
