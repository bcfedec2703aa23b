"""Copies of letters in their stream: what is there, how it is read, and what the queue has of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import msgspec
import pytest
from msgspec.structs import replace

from leveret.amqp import ChannelClosed, Connection, Message, Properties
from leveret.devbroker import DevBroker
from leveret.letters.key import letter_key
from leveret.letters.marking import mark
from leveret.letters.stream import StreamBatch, StreamMissing, offset_of, read_stream
from leveret.topology import Topology
from leveret.wire.marks import LetterMark, read_mark
from support.redriving import Again, letters_of, until_depth
from support.serving import LIMIT, Caller, Serve, calling, quick
from support.streams import in_stream


@pytest.fixture
def topology(prefix: str) -> Topology:
    return replace(quick(prefix), letters_size=2**26)


@pytest.fixture
async def connection(broker: DevBroker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url, name="reader")
    yield connection
    await connection.close()


@pytest.fixture
async def older(connection: Connection, topology: Topology, broker: DevBroker) -> AsyncIterator[Caller]:
    """A caller at a broker whose queue of requests is older than the streams."""
    await topology.declare(await connection.channel())
    async with calling(broker.url, topology) as found:
        yield found


def failing(request_id: str, token: str) -> dict[str, object]:
    data = {"text": "x", "then": "after:temporary"}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": token}


async def until_there(connection: Connection, queue: str) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            channel = await connection.channel()
            with suppress(ChannelClosed):
                await channel.declare_queue(queue, passive=True)
                return


async def test_what_a_worker_gives_up_and_what_the_broker_moves_is_in_the_queue_and_in_the_stream(
    broker: DevBroker, serve: Serve, caller: Caller, topology: Topology, token: str
) -> None:
    await caller.send({"id": "late", "auth": ""}, expiration="0")
    await until_depth(caller, 1)
    async with serve(most=0):
        await caller.ask(failing("a", token))
    letters, copies = await letters_of(caller), await in_stream(broker.url, topology.letters_stream, 2)
    assert [each.properties.correlation_id for each in letters] == ["late", "a"]
    assert [(each.body, letter_key(each)) for each in copies] == [(each.body, letter_key(each)) for each in letters]
    assert letter_key(letters[1]) == letters[1].properties.message_id


async def test_of_a_queue_that_is_older_than_the_streams_only_the_letters_of_workers_are_copied(
    broker: DevBroker, serve: Serve, older: Caller, topology: Topology, token: str
) -> None:
    await older.send({"id": "late", "auth": ""}, expiration="0")
    await until_depth(older, 1)
    async with serve(most=0):
        await older.ask(failing("a", token))
    assert len(await letters_of(older)) == 2
    copies = await in_stream(broker.url, topology.letters_stream, 1)
    assert [each.properties.correlation_id for each in copies] == ["a"]


async def test_a_letter_whose_queue_is_gone_is_published_again_when_it_is_made_anew_and_copied_once(
    broker: DevBroker, serve: Serve, caller: Caller, connection: Connection, topology: Topology, token: str
) -> None:
    async with serve(most=0):
        await caller.ask(failing("before", token))
        await caller.channel.delete_queue(topology.dead_letters)
        await caller.ask(failing("a", token))
        await until_there(connection, topology.dead_letters)
        await until_depth(caller, 1)
    await caller.send({"id": "late", "auth": ""}, expiration="0")  # the queue is bound again, too
    await until_depth(caller, 2)
    letters, copies = await letters_of(caller), await in_stream(broker.url, topology.letters_stream, 3)
    assert [each.properties.correlation_id for each in letters] == ["a", "late"]
    assert [each.properties.correlation_id for each in copies] == ["before", "a", "late"]
    assert copies[1].properties.message_id == letters[0].properties.message_id


async def test_a_stream_that_is_deleted_keeps_no_letter_waiting_and_is_made_anew_for_the_next_one(
    broker: DevBroker, serve: Serve, caller: Caller, topology: Topology, token: str
) -> None:
    async with serve(most=0):
        await caller.ask(failing("before", token))
        await in_stream(broker.url, topology.letters_stream, 1)
        await caller.channel.delete_queue(topology.letters_stream)
        await caller.ask(failing("a", token))
        await until_depth(caller, 2)
        (copy,) = await in_stream(broker.url, topology.letters_stream, 1)
    assert copy.properties.correlation_id == "a"


async def test_reading_changes_neither_the_queue_nor_the_stream(
    broker: DevBroker, serve: Serve, caller: Caller, topology: Topology, token: str
) -> None:
    async with serve(most=0):
        for number in range(5):
            await caller.ask(failing(str(number), token))
    first, second = [await in_stream(broker.url, topology.letters_stream, 5) for _ in range(2)]
    assert [replace(each, consumer_tag="c") for each in second] == [replace(each, consumer_tag="c") for each in first]
    # The first look at the queue finds letters that nobody has ever held.
    letters = await letters_of(caller)
    assert [each.redelivered for each in letters] == [False] * 5
    assert not any("x-delivery-count" in (each.properties.headers or {}) for each in letters)


async def test_reading_begins_at_any_offset_and_goes_on_with_what_comes(
    broker: DevBroker, caller: Caller, connection: Connection, topology: Topology
) -> None:
    stream = topology.letters_stream
    assert await in_stream(broker.url, stream, 0) == []
    messages = [Message(str(n).encode(), stream, properties=Properties(delivery_mode=2)) for n in range(300)]
    await caller.channel.publish_batch(messages)
    async with aclosing(read_stream(connection, stream, 290)) as batches:
        found = [each async for batch in until(batches, 299) for each in batch.deliveries]
        assert [int(each.body) for each in found] == [offset_of(each) for each in found] == list(range(290, 300))
        await caller.channel.publish_batch(messages[:1])
        batch = await anext(batches)
        assert (batch.first, batch.last, batch.deliveries[0].body) == (300, 300, b"0")


async def until(batches: AsyncIterator[StreamBatch], last: int) -> AsyncIterator[StreamBatch]:
    while True:
        yield (batch := await anext(batches))
        if batch.last >= last:
            return


async def test_a_stream_that_is_missing_is_named(connection: Connection, topology: Topology) -> None:
    with pytest.raises(StreamMissing, match=f"there is no stream '{topology.letters_stream}'"):
        await anext(read_stream(connection, topology.letters_stream, 0))


async def test_what_is_sent_again_or_discarded_is_marked(
    broker: DevBroker, serve: Serve, caller: Caller, topology: Topology, token: str, again: Again
) -> None:
    async with serve(most=0):
        for request_id in "abc":
            await caller.ask(failing(request_id, token))
    keys = {str(each.properties.correlation_id): letter_key(each) for each in await letters_of(caller)}
    await again.redrive(["b"])
    await again.discard(["a", "nobody"])
    marks = [
        read_mark(each.properties.type, each.body) for each in await in_stream(broker.url, topology.letters_stream, 5)
    ]
    found = [(mark.key, mark.what) for mark in marks if mark is not None]
    assert found == [(keys["b"], "redriven"), (keys["a"], "discarded")]


async def test_a_mark_does_not_need_the_setting_of_whoever_writes_it(
    broker: DevBroker, serve: Serve, connection: Connection, topology: Topology
) -> None:
    async with serve(most=0):
        pass
    written = LetterMark("key", "redriven", "2026-12-01T05:25:30.305Z")
    assert await mark(connection, msgspec.structs.replace(topology, letters_size=None), [written])
    (found,) = await in_stream(broker.url, topology.letters_stream, 1)
    assert read_mark(found.properties.type, found.body) == written
    missing = msgspec.structs.replace(topology, prefix="nobody")
    assert await mark(connection, missing, [written]), "where there is no stream, nothing is wrong"
