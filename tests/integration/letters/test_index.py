"""The index on a real broker: it is filled from the stream, and looking changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from leveret.amqp import Channel, Connection, FieldTable, Message
from leveret.devbroker import DevBroker
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index.checking import Reconciled, reconcile
from leveret.letters.index.index import LetterIndex
from leveret.letters.index.opening import Source, up_to_date
from leveret.letters.index.reading import ReadProgress, catch_up
from leveret.topology import Topology
from support.indexed_letters import SECRETS, delivery, made_index, mark, moved, written
from support.responder import LIMIT, declared


@pytest.fixture
async def topology(broker: DevBroker, prefix: str) -> AsyncIterator[Topology]:
    async with declared(broker.url, Topology(prefix, (timedelta(milliseconds=20),))) as topology:
        yield topology


@pytest.fixture
async def connection(broker: DevBroker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url, name="looker")
    yield connection
    await connection.close()


@pytest.fixture
async def channel(connection: Connection) -> Channel:
    return await connection.channel(confirms=True)


@pytest.fixture
async def stream(channel: Channel, topology: Topology) -> AsyncIterator[str]:
    name = topology.letters_stream
    await channel.declare_queue(name, arguments={"x-queue-type": "stream"})
    yield name
    await channel.delete_queue(name)


async def write(channel: Channel, queues: Sequence[str], *deliveries: object) -> None:
    """Publish the messages of deliveries to each of these queues."""
    for queue in queues:
        messages = [Message(each.body, queue, properties=each.properties) for each in deliveries]  # type: ignore[attr-defined] # deliveries
        assert await channel.publish_batch(messages) == [None] * len(messages)


def ids(index: LetterIndex, wanted: LetterFilter = LetterFilter()) -> list[str]:  # noqa: B008 - it is frozen
    return [row.request_id for row in index.find(wanted, 10_000).rows]


async def test_the_index_is_read_from_where_it_ended(
    connection: Connection, channel: Channel, stream: str, tmp_path: Path
) -> None:
    index = made_index(tmp_path)
    told: list[ReadProgress] = []
    assert await catch_up(connection, stream, index) == 0
    await write(channel, [stream], written(1), moved(2), written(3))
    assert await catch_up(connection, stream, index, tell=told.append) == 3
    assert ids(index) == ["request-1", "moved-2", "request-3"]
    assert told[-1].read == 3
    assert await catch_up(connection, stream, index) == 0
    await write(channel, [stream], mark("key-3", "redriven"), written(4))
    assert await catch_up(connection, stream, index) == 2
    assert ids(index) == ["request-1", "moved-2", "request-4"]
    assert ids(index, LetterFilter(state=LetterState.REDRIVEN)) == ["request-3"]


async def test_thousands_of_letters_are_read_in_their_order(
    connection: Connection, channel: Channel, stream: str, tmp_path: Path
) -> None:
    for first in range(0, 5_000, 1_000):
        await write(channel, [stream], *map(written, range(first, first + 1_000)))
    index = made_index(tmp_path)
    assert await catch_up(connection, stream, index) == 5_000
    assert ids(index) == [f"request-{number}" for number in range(5_000)]


@pytest.mark.parametrize("kept", [1, 3], ids=["shorter", "as long"])
async def test_a_stream_that_was_deleted_and_made_anew_is_noticed(
    connection: Connection, channel: Channel, stream: str, tmp_path: Path, kept: int
) -> None:
    index = made_index(tmp_path)
    await write(channel, [stream], written(1), written(2), written(3))
    await catch_up(connection, stream, index)
    await channel.delete_queue(stream)
    await channel.declare_queue(stream, arguments={"x-queue-type": "stream"})
    await write(channel, [stream], *map(written, range(11, 11 + kept)))
    assert await catch_up(connection, stream, index) == kept
    assert ids(index) == [f"request-{number}" for number in range(11, 11 + kept)]


async def test_looking_through_the_index_changes_nothing_in_the_queue(
    broker: DevBroker, channel: Channel, topology: Topology, stream: str, tmp_path: Path
) -> None:
    letters = [written(1), moved(2), written(3)]
    await write(channel, [topology.dead_letters, stream], *letters)
    source = Source(broker.url, topology, SECRETS, tmp_path / "index.db")
    for _ in range(3):
        async with up_to_date(source) as found:
            assert (found.streamed, found.depth, found.present) == (True, 3, 3)
            assert ids(found.index) == ["request-1", "moved-2", "request-3"]
            assert len(found.index.groups()) == 2
            assert found.index.read("key-3") is not None
    assert (await channel.declare_queue(topology.dead_letters, passive=True)).messages == 3
    got = [await channel.get(topology.dead_letters) for _ in range(3)]
    assert [each.delivery.body for each in got if each] == [each.body for each in letters]
    assert not any(each.delivery.redelivered for each in got if each)


async def test_without_a_stream_the_index_is_what_a_look_shows(
    broker: DevBroker, channel: Channel, topology: Topology, tmp_path: Path
) -> None:
    await write(channel, [topology.dead_letters], written(1), moved(2))
    source = Source(broker.url, topology, SECRETS, tmp_path / "index.db")
    for _ in range(2):
        async with up_to_date(source) as found:
            assert (found.streamed, found.depth) == (False, 2)
            assert ids(found.index, LetterFilter(code="expired")) == ["moved-2"]


async def test_what_the_queue_lost_without_a_tool_is_seen_in_the_counts(
    broker: DevBroker, channel: Channel, topology: Topology, stream: str, tmp_path: Path
) -> None:
    await write(channel, [topology.dead_letters, stream], written(1), written(2))
    await channel.purge_queue(topology.dead_letters)
    async with up_to_date(Source(broker.url, topology, SECRETS, tmp_path / "index.db")) as found:
        assert (found.depth, found.present) == (0, 2)


async def test_a_letter_has_the_same_key_in_the_queue_and_in_the_stream(
    broker: DevBroker, channel: Channel, topology: Topology, stream: str, tmp_path: Path
) -> None:
    """The broker itself moves messages to both, and a worker's letter comes to both."""
    exchange, waiting = f"{topology.prefix}.fanout", f"{topology.prefix}.waiting"
    await channel.declare_exchange(exchange, "fanout")
    requests: FieldTable = {
        **topology.queues[0].arguments,
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": "",
    }
    await channel.declare_queue(waiting, arguments=requests)
    for queue in (topology.dead_letters, stream):
        await channel.bind_queue(queue, exchange, "")
    sent = [
        delivery(moved(1).body, correlation_id="moved-1"),
        delivery(b"\xff\0", correlation_id=str(uuid4())),
        delivery(b"", message_id=str(uuid4())),
    ]
    sent += [delivery(b"x" * 1_500_000, correlation_id="large"), delivery(b"{}", headers={"a": [1, {"b": 2}]})]
    for each in sent:
        properties = replace(each.properties, expiration="1", delivery_mode=2)
        assert await channel.publish_batch([Message(each.body, waiting, properties=properties)]) == [None]
    letter = written(9)
    assert await channel.publish_batch([Message(letter.body, "", exchange, letter.properties)]) == [None]
    source = Source(broker.url, topology, SECRETS, tmp_path / "index.db")
    async with asyncio.timeout(LIMIT):
        while (await channel.declare_queue(topology.dead_letters, passive=True)).messages < 6:  # noqa: ASYNC110 - at the broker
            await asyncio.sleep(0.01)
    async with up_to_date(source) as found:
        assert (found.depth, found.present, found.index.count(LetterFilter(code="expired"))) == (6, 6, 5)
        assert await reconcile(source, found) == Reconciled(0, 0)
    await channel.delete_queue(waiting)
    await channel.delete_exchange(exchange)


async def test_a_look_makes_the_index_agree_with_the_queue(
    broker: DevBroker, channel: Channel, topology: Topology, stream: str, tmp_path: Path
) -> None:
    await write(channel, [stream], written(1), written(2))
    await write(channel, [topology.dead_letters], written(2), written(3))
    source = Source(broker.url, topology, SECRETS, tmp_path / "index.db")
    async with up_to_date(source) as found:
        assert await reconcile(source, found) == Reconciled(1, 1)
        assert ids(found.index) == ["request-2", "request-3"]
        assert ids(found.index, LetterFilter(state=LetterState.GONE)) == ["request-1"]
