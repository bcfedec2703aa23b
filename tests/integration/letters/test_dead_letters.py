"""Looking at dead letters on a real broker: nothing may be lost, changed or reordered by it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from leveret.amqp import Channel, ChannelClosed, Connection, FieldTable, Message, Properties
from leveret.devbroker import DevBroker
from leveret.letters.letter import Death, Letter
from leveret.letters.look import look
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from leveret.wire.letter import LetterBody
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


def letter(number: int) -> bytes:
    return encode_json(
        LetterBody("2026-01-01T00:00:00Z", f"reason {number}", {"id": str(number)}, {"x-retry-count": 3})
    )


async def fill(channel: Channel, topology: Topology, count: int) -> None:
    """Put numbered letters into the dead-letter queue."""
    messages = [
        Message(letter(n), topology.dead_letters, properties=Properties(delivery_mode=2, correlation_id=str(n)))
        for n in range(count)
    ]
    assert await channel.publish_batch(messages) == [None] * count


async def depth(channel: Channel, topology: Topology) -> int:
    return (await channel.declare_queue(topology.dead_letters, passive=True)).messages


def numbers(letters: list[Letter]) -> list[int]:
    return [int(each.correlation_id or -1) for each in letters]


@pytest.mark.parametrize("count", [5, 120])
async def test_a_hundred_looks_lose_nothing_change_nothing_and_keep_the_order(
    connection: Connection, channel: Channel, topology: Topology, count: int
) -> None:
    await fill(channel, topology, count)
    for _ in range(100):
        letters = await look(connection, topology, 200)
        assert numbers(letters) == list(range(count))
        assert [each.content for each in letters] == [
            LetterBody("2026-01-01T00:00:00Z", f"reason {n}", {"id": str(n)}, {"x-retry-count": 3})
            for n in range(count)
        ]
        assert await depth(channel, topology) == count
    assert (await channel.declare_queue(topology.dead_letters, passive=True)).consumers == 0
    taken = [await channel.get(topology.dead_letters, no_ack=True) for _ in range(count)]
    assert [got.delivery.body for got in taken if got] == [letter(n) for n in range(count)]


async def test_a_look_at_some_leaves_all_in_their_order(
    connection: Connection, channel: Channel, topology: Topology
) -> None:
    await fill(channel, topology, 50)
    for most in (1, 7, 40, 50, 2000):
        assert numbers(await look(connection, topology, most)) == list(range(min(most, 50)))
        assert await depth(channel, topology) == 50


async def test_a_letter_tells_whether_somebody_has_looked_at_it_before(
    connection: Connection, channel: Channel, topology: Topology
) -> None:
    await fill(channel, topology, 2)
    assert [each.redelivered for each in await look(connection, topology, 1)] == [False]
    assert [each.redelivered for each in await look(connection, topology)] == [True, False]


async def test_an_empty_queue_has_no_letters(connection: Connection, topology: Topology) -> None:
    assert await look(connection, topology) == []


async def test_a_missing_queue_is_the_brokers_error_and_the_connection_stays_open(
    connection: Connection, prefix: str
) -> None:
    for _ in range(2):
        with pytest.raises(ChannelClosed, match="no queue"):
            await look(connection, Topology(f"{prefix}-none"))
    assert connection.is_open


@pytest.mark.parametrize("most", [0, -1, 2001])
async def test_too_few_or_too_many_letters_are_the_callers_error(
    connection: Connection, topology: Topology, most: int
) -> None:
    with pytest.raises(ValueError, match="expected 1 to 2000"):
        await look(connection, topology, most)


async def test_a_message_that_the_broker_moved_itself_is_shown_as_it_is_with_its_way(
    connection: Connection, channel: Channel, topology: Topology
) -> None:
    body = json.dumps({"id": "1", "action": "x"}).encode()
    properties = Properties(delivery_mode=2, headers={"x-retry-count": 1, "mine": [True, {"deep": "er"}]})
    await channel.publish(Message(body, topology.retries[0], properties=properties))
    came = asyncio.Event()
    other = await connection.channel()

    def refuse(deliveries: list[object]) -> None:
        other.nack(1, requeue=False)
        came.set()

    await other.consume(topology.requests, refuse)  # type: ignore[arg-type]  # it looks at no delivery
    await asyncio.wait_for(came.wait(), LIMIT)
    await until_depth(channel, topology, 1)
    (found,) = await look(connection, topology)
    assert found.content == body
    assert found.deaths == (Death(topology.requests, "rejected", 1), Death(topology.retries[0], "expired", 1))
    assert found.headers["x-retry-count"] == 1
    assert found.headers["mine"] == [True, {"deep": "er"}]
    assert found.correlation_id is None


@pytest.mark.parametrize(
    ("forged", "deaths"),
    [
        ({"x-death": "never"}, ()),
        ({"x-death": [1, {"queue": 2}, {"queue": "q", "reason": "expired", "count": "many"}]}, ()),
        ({"x-death": [{"queue": "q", "reason": "expired", "count": 9}]}, (Death("q", "expired", 9),)),
        ({}, ()),
    ],
)
async def test_a_forged_way_breaks_nothing(
    connection: Connection, channel: Channel, topology: Topology, forged: FieldTable, deaths: tuple[Death, ...]
) -> None:
    await channel.publish(Message(b"\xff", topology.dead_letters, properties=Properties(headers=forged)))
    (found,) = await look(connection, topology)
    assert (found.content, found.deaths) == (b"\xff", deaths)


async def test_letters_that_somebody_else_holds_are_not_shown_and_not_touched(
    connection: Connection, channel: Channel, topology: Topology
) -> None:
    await fill(channel, topology, 3)
    holder = await connection.channel()
    assert await holder.get(topology.dead_letters) is not None
    assert numbers(await look(connection, topology)) == [1, 2]
    await holder.close()
    await until_depth(channel, topology, 3)


async def test_a_looker_that_dies_while_it_looks_loses_nothing(
    broker: DevBroker, channel: Channel, topology: Topology
) -> None:
    await fill(channel, topology, 10)
    dying = await Connection.open(broker.url)
    looking = asyncio.create_task(look(dying, topology))
    while await depth(channel, topology) == 10 and not looking.done():
        pass
    dying.abort()
    await asyncio.wait((looking,))
    looking.exception()
    await until_depth(channel, topology, 10)


async def test_a_cancelled_look_gives_everything_back(
    connection: Connection, channel: Channel, topology: Topology
) -> None:
    await fill(channel, topology, 10)
    turns, cancelled = 0, True
    while cancelled:  # in every turn of the loop that a look takes, until one was quicker
        looking = asyncio.create_task(look(connection, topology))
        for _ in range(turns):
            await asyncio.sleep(0)
        looking.cancel()
        await asyncio.wait((looking,))
        cancelled = looking.cancelled()
        await until_depth(channel, topology, 10)
        turns += 1
    assert numbers(await look(connection, topology)) == list(range(10))


async def until_depth(channel: Channel, topology: Topology, wanted: int) -> None:
    async with asyncio.timeout(LIMIT):
        while await depth(channel, topology) != wanted:  # noqa: ASYNC110 - the queue is at the broker
            await asyncio.sleep(0.005)
