from collections.abc import AsyncIterator

import pytest

from leveret.amqp import Channel, Connection
from support.serving import Broker


@pytest.fixture
async def connection(broker: Broker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url, name="test of messages")
    yield connection
    await connection.close()


@pytest.fixture
async def channel(connection: Connection) -> Channel:
    return await connection.channel(confirms=True)


@pytest.fixture
async def queue(broker: Broker, channel: Channel, prefix: str) -> AsyncIterator[str]:
    await channel.declare_queue(prefix, arguments={"x-queue-type": "quorum"})
    yield prefix
    cleaner = await Connection.open(broker.url)
    await (await cleaner.channel()).delete_queue(prefix)
    await cleaner.close()
