"""Letters that are to be tried: found by the index, read as copies from the stream, and the queue stays as it is."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.amqp import Channel, Connection, Delivery, Message
from leveret.devbroker import DevBroker
from leveret.letters.filters import LetterFilter
from leveret.letters.index.opening import Source
from leveret.letters.wanted import FoundLetters, find_letters
from leveret.topology import Topology
from support.indexed_letters import SECRETS, mark, written
from support.responder import declared


@pytest.fixture
async def topology(broker: DevBroker, prefix: str) -> AsyncIterator[Topology]:
    async with declared(broker.url, Topology(prefix, (timedelta(milliseconds=20),))) as topology:
        yield topology


@pytest.fixture
async def channel(broker: DevBroker) -> AsyncIterator[Channel]:
    connection = await Connection.open(broker.url, name="writer")
    yield await connection.channel(confirms=True)
    await connection.close()


@pytest.fixture
async def stream(channel: Channel, topology: Topology) -> AsyncIterator[str]:
    name = topology.letters_stream
    await channel.declare_queue(name, arguments={"x-queue-type": "stream"})
    yield name
    await channel.delete_queue(name)


@pytest.fixture
def source(broker: DevBroker, topology: Topology, tmp_path: Path) -> Source:
    return Source(broker.url, topology, SECRETS, tmp_path / "index.db")


async def write(channel: Channel, queue: str, deliveries: Sequence[Delivery]) -> None:
    messages = [Message(each.body, queue, properties=each.properties) for each in deliveries]
    for begin in range(0, len(messages), 500):
        part = messages[begin : begin + 500]
        assert await channel.publish_batch(part) == [None] * len(part)


def ids(found: FoundLetters) -> list[str | None]:
    return [letter.properties.correlation_id for letter in found.letters]


async def test_more_letters_than_a_look_shows_are_found_and_none_is_touched(
    channel: Channel, stream: str, topology: Topology, source: Source
) -> None:
    letters = [written(number, code="internal" if number % 2 else "conflict") for number in range(2_300)]
    for queue in (stream, topology.dead_letters):
        await write(channel, queue, letters)

    found = await find_letters(source, LetterFilter(), 10_000)
    assert ids(found) == [f"request-{number}" for number in range(2_300)]
    assert (found.missing, found.unseen, found.left) == ((), 0, 0)
    half = await find_letters(source, LetterFilter(code="conflict"), 1_000)
    assert (ids(half), half.left) == ([f"request-{number}" for number in range(0, 2_000, 2)], 150)

    first = await channel.get(topology.dead_letters)
    assert first is not None
    assert (first.delivery.properties.correlation_id, first.delivery.redelivered) == ("request-0", False)
    assert first.message_count == 2_299


async def test_a_letter_that_was_taken_out_or_never_was_there_is_missing(
    channel: Channel, stream: str, topology: Topology, source: Source
) -> None:
    await write(channel, stream, [written(1), written(2), mark("key-1", "redriven")])
    await write(channel, topology.dead_letters, [written(2)])
    found = await find_letters(source, LetterFilter(ids=("request-1", "request-2", "nobody")), 10)
    assert (ids(found), found.missing) == (["request-2"], ("request-1", "nobody"))


async def test_without_a_stream_the_letters_in_the_queue_are_looked_at(
    channel: Channel, topology: Topology, source: Source
) -> None:
    await write(channel, topology.dead_letters, [written(1), written(2)])
    found = await find_letters(source, LetterFilter(ids=("key-2",)), 10)
    assert (ids(found), found.missing, found.unseen) == (["request-2"], (), 0)
