"""What a caller can do to the broker's own dead-lettering with a forged `x-death`, and what an operator does then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from leveret.amqp import Channel, Connection, Message, Properties
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from testbed.waiting import wait_until

DOCS: Final = Path(__file__).parents[3] / "docs" / "operations.md"
COMMAND: Final = re.compile(r"^rabbitmqctl eval '(.+)'$", re.MULTILINE)
"""Commands of the section on dead-lettering that has ended: how to tell, and how to take the message out."""

LIMIT: Final = 30.0
NEVER: Final = 2.0
"""Seconds after which what has not come does not come; when nothing is broken it takes a third of one."""

TOPOLOGY: Final = Topology("forged")
SOON: Final = "300"
"""Milliseconds after which a message expires."""


@asynccontextmanager
async def channel_at(broker: DevBroker) -> AsyncIterator[Channel]:
    connection = await Connection.open(broker.url)
    yield await connection.channel(confirms=True)
    await connection.close()


async def put(channel: Channel, queue: str, name: str, **headers: object) -> None:
    asked = Properties(correlation_id=name, expiration=SOON, delivery_mode=2, headers=headers or None)  # type: ignore[arg-type]
    await channel.publish(Message(b"{}", queue, properties=asked, mandatory=True))


async def take(channel: Channel, queue: str, count: int) -> list[str | None]:
    """Wait until so many messages have come to a queue, and take them."""
    names: list[str | None] = []
    async with asyncio.timeout(LIMIT):
        while len(names) < count:
            if got := await channel.get(queue, no_ack=True):
                names.append(got.delivery.properties.correlation_id)
    return names


async def comes_back(channel: Channel, name: str) -> bool:
    """Whether a message that waits in the retry queue comes back to the requests."""
    await put(channel, TOPOLOGY.retries[0], name)
    try:
        async with asyncio.timeout(NEVER):
            return await take(channel, TOPOLOGY.requests, 1) == [name]
    except TimeoutError:
        return False


def documented(command: int) -> str:
    found: list[str] = COMMAND.findall(DOCS.read_text(encoding="utf-8"))
    return found[command].replace("api.requests", TOPOLOGY.requests)


async def test_a_forged_death_ends_dead_lettering_before_4_0_and_the_documented_cure_loses_that_message_alone(
    private_broker: DevBroker,
) -> None:
    def lives() -> bool:
        return private_broker.control("eval", documented(0)).startswith("<")

    async with channel_at(private_broker) as channel:
        await TOPOLOGY.declare(channel)
        assert await comes_back(channel, "before")
        assert lives()
        await put(channel, TOPOLOGY.requests, "forged", **{"x-death": ["no table"]})
        if not private_broker.control("version").startswith("3."):
            assert await take(channel, TOPOLOGY.dead_letters, 1) == ["forged"]
            assert await comes_back(channel, "after")
            return
        assert not await comes_back(channel, "waits")
        assert not lives()
        await put(channel, TOPOLOGY.requests, "expired")
    private_broker.restart()
    wait_until(lambda: not lives(), "its end after a restart alone, since the message is still there", limit=LIMIT)
    assert private_broker.control("eval", documented(1)).startswith("{ok,")
    private_broker.restart()
    async with channel_at(private_broker) as channel:
        assert await take(channel, TOPOLOGY.requests, 1) == ["waits"]
        assert await take(channel, TOPOLOGY.dead_letters, 1) == ["expired"]
        assert await comes_back(channel, "after")
        assert lives()
