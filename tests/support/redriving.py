"""Sends dead letters again in tests, and looks at what lies in the queues afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta

from leveret.amqp import Delivery, FieldTable, Message, Properties
from leveret.api import Api
from leveret.letters.choice import EVERY_LETTER, Choice
from leveret.letters.letter import request_id
from leveret.letters.look import wait_until_back
from leveret.letters.redrive import Redriver
from leveret.letters.removal import LetterFate, LetterReport, discard_letters, redrive_letters
from leveret.letters.sender import LetterSender
from leveret.topology import Topology
from support.serving import LIMIT, Caller, keyring


@dataclass
class Again:
    """Sends the letters of a topology again, or drops them; `told` holds the fate of each letter."""

    url: str
    topology: Topology
    api: Api
    told: list[LetterFate] = field(default_factory=list)

    async def redrive(
        self,
        ids: Collection[str] | None,
        *,
        url: str = "",
        retention: timedelta = timedelta(days=7),
        clock: Callable[[], float] = time.time,
    ) -> LetterReport:
        """Send letters again; `clock` is called once for each letter."""
        redriver = Redriver(self.topology, keyring(), self.api, retention=retention, clock=clock)
        return await redrive_letters(url or self.url, LetterSender(redriver), self.choice(ids), self.told.append)

    async def discard(self, ids: Collection[str] | None) -> LetterReport:
        """Drop letters."""
        return await discard_letters(self.url, self.topology, self.choice(ids), self.told.append)

    def choice(self, ids: Collection[str] | None) -> Choice:
        """Return the letters with these ids, or all."""
        return EVERY_LETTER if ids is None else Choice(ids=tuple(ids))

    async def refused(self, *ids: str) -> str:
        """Try to send one letter again, and return the reason why it stays."""
        report = await self.redrive(ids or None)
        assert (report.done, report.kept) == (0, 1)
        return self.told[-1].kept


async def depth(caller: Caller, queue: str) -> int:
    """Return how many messages are ready in a queue."""
    return (await caller.channel.declare_queue(queue, passive=True)).messages


async def depths(caller: Caller) -> list[int]:
    """Return how many requests and how many letters are ready."""
    return [await depth(caller, queue) for queue in (caller.topology.requests, caller.topology.dead_letters)]


async def until_depth(caller: Caller, letters: int) -> None:
    """Wait until that many letters are ready."""
    found = -1
    try:
        async with asyncio.timeout(LIMIT):
            while (found := await depth(caller, caller.topology.dead_letters)) != letters:  # noqa: ASYNC110 -- a broker's
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(
            f"{found} letters instead of {letters}, requests and letters {await depths(caller)}"
        ) from None


async def letters_of(caller: Caller) -> list[Delivery]:
    """Return all letters in their order; they go back to the queue."""
    queue, found = caller.topology.dead_letters, []
    count = await depth(caller, queue)
    channel = await caller.connection.channel()
    if count:
        complete = asyncio.Event()

        def take(deliveries: list[Delivery]) -> None:
            found.extend(deliveries)
            if len(found) >= count:
                complete.set()

        await channel.consume(queue, take)
        await asyncio.wait_for(complete.wait(), LIMIT)
    await channel.close()
    await wait_until_back(caller.connection, queue, count)
    return found


async def ids_of(caller: Caller) -> list[str | None]:
    """Return the ids of all letters in their order."""
    return [request_id(letter) for letter in await letters_of(caller)]


async def put_letter(caller: Caller, body: bytes, headers: FieldTable, correlation_id: str | None = None) -> None:
    """Publish a message into the dead-letter queue, as only workers may."""
    properties = Properties(delivery_mode=2, headers=headers, correlation_id=correlation_id)
    await caller.channel.publish(Message(body, caller.topology.dead_letters, properties=properties, mandatory=True))
