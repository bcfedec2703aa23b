"""Helpers of scenes: wait until workers consume again, and look at what they logged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from faults.system import System
from faults.workers import CONSUMING, LOST, WorkerGroup

LOOK: Final = 0.1
"""Seconds between two looks at the broker."""

LIMIT: Final = 30.0
"""Seconds within which workers have to consume again, and requests have to be finished again."""


class SceneFailed(Exception):
    """The fault had a consequence that it must not have; the text names it."""


@contextmanager
def operating(system: System) -> Iterator[BlockingChannel]:
    """Open a channel to the broker itself, not through a proxy, as an operator's tool does."""
    parameters = pika.URLParameters(system.broker.url.rstrip("/") + "/%2F")
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 5.0
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def consumers(system: System) -> int:
    """Return how many consumers the queue of requests has; 0 also if the broker or the queue does not answer."""
    try:
        with operating(system) as channel:
            return int(channel.queue_declare(system.topology.requests, passive=True).method.consumer_count)
    except (AMQPError, OSError):
        return 0


async def consuming_again(
    system: System, workers: WorkerGroup, before: list[int] | None = None, limit: float = LIMIT
) -> float:
    """Wait until each worker has logged once more that it consumes, and the broker has one consumer for each.

    After a fault of the broker, its number of consumers alone proves nothing, because it may include consumers that are
    gone.

    Args:
        system: the system.
        workers: the workers.
        before: how often each worker had logged that before the fault; None if the broker's number is enough.
        limit: longest wait, in seconds.

    Returns:
        How many seconds the wait took.

    Raises:
        WorkerFailed: a worker did not consume within the limit.
        SceneFailed: the broker did not have all consumers within the limit, or a worker has ended.
    """
    now = asyncio.get_running_loop().time
    began = now()
    if before is not None:
        await all_say(workers, CONSUMING, before, limit)
    while (count := await asyncio.to_thread(consumers, system)) != len(workers.current):
        if now() - began > limit:
            raise SceneFailed(f"the broker has {count} consumers of {len(workers.current)} workers after {limit:g} s")
        await asyncio.sleep(LOOK)
    unharmed(workers)
    return now() - began


def unharmed(workers: WorkerGroup) -> None:
    """Check that no worker has ended.

    Raises:
        SceneFailed: a worker has ended.
    """
    if deaths := workers.deaths:
        raise SceneFailed(f"workers ended, although they must survive this fault: {dict(deaths)}")


def still_connected(workers: WorkerGroup) -> None:
    """Check that no worker has lost its connections to the broker.

    Raises:
        SceneFailed: a worker has lost them.
    """
    if lost := sum(said(workers, LOST)):
        raise SceneFailed(f"workers lost the broker {lost} times")


def said(workers: WorkerGroup, text: str) -> list[int]:
    """Return how often each worker has logged a text."""
    return [worker.count(text) for worker in workers.current]


async def all_say(workers: WorkerGroup, text: str, before: list[int], limit: float = LIMIT) -> None:
    """Wait until each worker has logged a text once more than before.

    Raises:
        WorkerFailed: a worker has not logged it within the limit, in seconds.
    """
    for worker, count in zip(workers.current, before, strict=True):
        await worker.says(text, count=count + 1, limit=limit)


def summary(seconds: list[float]) -> str:
    """Return a text with the median and the longest of some times."""
    ordered = sorted(seconds)
    return f"median {ordered[len(ordered) // 2]:.1f} s, longest {ordered[-1]:.1f} s" if ordered else "never"
