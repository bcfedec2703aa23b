"""Fills a queue of ours, so that it refuses messages, and empties it again."""

from __future__ import annotations

import asyncio
import json

from leveret.amqp import Message, Refused
from leveret.devbroker import DevBroker
from leveret.worker.leave.refusing_queue import PAUSES
from support.serving import LIMIT, Caller

FILLER = b"it was here before"
LONG = LIMIT + PAUSES.most
"""Seconds within which a test gets what comes after the longest pause between two tries at a queue."""


async def fill(broker: DevBroker, caller: Caller, queue: str) -> None:
    """Let a queue refuse further messages, as the security page advises for one that strangers can fill."""
    most = json.dumps({"max-length": 1, "overflow": "reject-publish"})
    pattern = f"^{queue}$".replace(".", r"\.")
    await asyncio.to_thread(broker.control, "set_policy", "full", pattern, most, "--apply-to", "queues")
    async with asyncio.timeout(20):
        while True:
            try:
                await caller.channel.publish(Message(FILLER, queue))
            except Refused:
                return


async def empty(broker: DevBroker, caller: Caller, queue: str) -> None:
    """Let a queue take messages again, without those that filled it."""
    await caller.channel.purge_queue(queue)  # first: afterwards it may hold what the worker published
    await asyncio.to_thread(broker.control, "clear_policy", "full")
