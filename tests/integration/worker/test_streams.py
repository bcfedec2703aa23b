"""A worker's connection for streams: what ends it, and what it cannot use, is tried again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from msgspec.structs import replace

from leveret.amqp import Connection, Message, Properties
from leveret.broker.declaring import declare_queues
from leveret.broker.queues import state_of
from leveret.process.backoff import Backoff
from leveret.topology import Topology
from leveret.worker.streams import WorkerStreams
from support.serving import LIMIT, Broker, quick, remove
from support.streams import in_stream

QUICK = Backoff(first=0.02, most=0.1)


@pytest.fixture
def topology(prefix: str) -> Topology:
    return replace(quick(prefix), letters_size=2**26)


@pytest.fixture
async def connection(broker: Broker, topology: Topology) -> AsyncIterator[Connection]:
    """A connection on which everything is declared except the streams."""
    connection = await Connection.open(broker.url)
    await declare_queues(connection, topology)
    yield connection
    await remove(connection, topology)
    await connection.close()


@pytest.fixture
def opened() -> list[Connection]:
    """The connections that the streams have opened."""
    return []


@pytest.fixture
async def streams(
    broker: Broker, topology: Topology, connection: Connection, opened: list[Connection]
) -> AsyncIterator[WorkerStreams]:
    async def connect() -> Connection:
        opened.append(await Connection.open(broker.url, name="copies"))
        return opened[-1]

    streams = WorkerStreams(topology, connect, pauses=QUICK, patience=LIMIT)
    yield streams
    await streams.close()


def letter(topology: Topology, number: int) -> Message:
    properties = Properties(delivery_mode=2, message_id=str(number))
    return Message(f"letter {number}".encode(), topology.dead_letters, properties=properties, mandatory=True)


async def until_there(connection: Connection, name: str) -> None:
    async with asyncio.timeout(LIMIT):
        while await state_of(connection, name) is None:
            pass


async def test_copies_go_on_when_their_connection_was_lost(
    broker: Broker, streams: WorkerStreams, topology: Topology, opened: list[Connection]
) -> None:
    streams.begin()
    streams.copy([letter(topology, 1)])
    await in_stream(broker.url, topology.letters_stream, 1)
    opened[-1].abort()
    streams.copy([letter(topology, 2)])
    assert [each.properties.message_id for each in await in_stream(broker.url, topology.letters_stream, 2)] == [
        "1",
        "2",
    ]
    assert len(opened) == 2


async def test_the_last_copies_are_published_before_the_connection_is_closed(
    broker: Broker, streams: WorkerStreams, topology: Topology
) -> None:
    streams.begin()
    streams.copy([letter(topology, number) for number in range(250)])
    await streams.close()
    found = await in_stream(broker.url, topology.letters_stream, 250)
    assert [each.body for each in found] == [letter(topology, number).body for number in range(250)]


async def test_what_stands_in_the_way_of_a_stream_is_told_once_and_copying_begins_when_it_is_gone(
    broker: Broker,
    streams: WorkerStreams,
    connection: Connection,
    topology: Topology,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "leveret.worker")
    channel = await connection.channel()
    await channel.declare_queue(topology.letters_stream, arguments={"x-queue-type": "quorum"})
    for _ in range(3):
        streams.begin()
        await until_there(connection, topology.status_stream)
        streams.copy([letter(topology, 1)])
    await channel.delete_queue(topology.letters_stream)
    async with asyncio.timeout(LIMIT):
        while True:
            with suppress(TimeoutError):
                streams.copy([letter(topology, 2)])
                async with asyncio.timeout(1):
                    found = await in_stream(broker.url, topology.letters_stream, 1)
                    break
    assert found[0].properties.message_id == "2"
    (said,) = caplog.messages
    assert f"the stream {topology.letters_stream} (copies of dead letters, for the index) cannot be used" in said
