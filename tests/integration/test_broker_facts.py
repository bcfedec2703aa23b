"""What differs between versions of RabbitMQ, and that what we declare and send holds on each of them.

`make test-matrix` runs these tests on three versions. A fact that differs has one test, with what each version does.
"""

import asyncio
import base64
import http.client
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from leveret.amqp import Channel, Connection, Delivery, FieldTable, Message, Properties
from leveret.devbroker import DevBroker
from leveret.letters.look import look
from leveret.topology import Topology
from support.versions import (
    DELIVERY_LIMIT_BY_DEFAULT,
    FORGED_DEATHS_IGNORED,
    NACKS_UNCOUNTED,
    Version,
    version_of,
)

LOOKS = 1000
LIMIT = 60.0
"""Seconds after which a test that waits has failed."""
Look = Callable[[Connection, str], Awaitable[None]]
"""Looks at the first message of a queue a thousand times, with some tool."""


@pytest.fixture
async def connection(broker: DevBroker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url)
    yield connection
    await connection.close()


@pytest.fixture
def version(connection: Connection) -> Version:
    return version_of(connection)


@pytest.fixture
async def topology(connection: Connection, prefix: str) -> AsyncIterator[Topology]:
    """A topology whose retry queue waits 20 ms, deleted after the test."""
    topology = Topology(prefix, (timedelta(milliseconds=20),))
    await topology.declare(await connection.channel())
    yield topology
    channel = await connection.channel()
    for queue in topology.queues:
        await channel.delete_queue(queue.name)
    await channel.delete_exchange(topology.exchange)


@pytest.fixture
async def spare(connection: Connection, prefix: str) -> AsyncIterator[str]:
    """The name of a queue that the test declares as it likes, deleted after the test."""
    yield prefix
    await (await connection.channel()).delete_queue(prefix)


@pytest.fixture
async def channel(connection: Connection) -> Channel:
    return await connection.channel(confirms=True)


async def put(channel: Channel, queue: str, *bodies: bytes, headers: FieldTable | None = None) -> None:
    messages = [Message(body, queue, properties=Properties(delivery_mode=2, headers=headers)) for body in bodies]
    assert await channel.publish_batch(messages) == [None] * len(bodies)


async def until_there(channel: Channel, queue: str, *, at_least: int) -> None:
    """Return when so many messages are ready in the queue."""
    async with asyncio.timeout(LIMIT):
        while (await channel.declare_queue(queue, passive=True)).messages < at_least:  # noqa: ASYNC110 - it is at the broker
            await asyncio.sleep(0.001)


async def next_message(channel: Channel, queue: str) -> Delivery:
    """Take the next message that comes, without an ack."""
    await until_there(channel, queue, at_least=1)
    got = await channel.get(queue, no_ack=True)
    assert got is not None
    return got.delivery


def look_at_the_page(address: str, queue: str, times: int) -> None:
    """Have RabbitMQ's own page show the first message with "Nack message requeue true", again and again."""
    headers = {"Authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}
    how = json.dumps({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"})
    page = http.client.HTTPConnection(urlsplit(address).netloc, timeout=LIMIT)
    with closing(page):
        for _ in range(times):
            page.request("POST", f"/api/queues/%2F/{quote(queue)}/get", how, headers)
            reply = page.getresponse()
            shown = json.load(reply)
            assert reply.status == 200
            assert len(shown) == 1


async def get_and_return(connection: Connection, queue: str) -> None:
    channel = await connection.channel()
    for _ in range(LOOKS):
        got = await channel.get(queue)
        assert got is not None
        channel.nack(got.delivery.delivery_tag)
    await channel.close()


async def get_and_go_away(connection: Connection, queue: str) -> None:
    for _ in range(LOOKS):
        channel = await connection.channel()
        await until_there(channel, queue, at_least=1)  # what the last channel held comes back a moment later
        assert await channel.get(queue) is not None
        await channel.close()


async def consume_and_go_away(connection: Connection, queue: str) -> None:
    for _ in range(LOOKS):
        await look_and_go_away(connection, queue)


async def look_and_go_away(connection: Connection, queue: str) -> None:
    channel, came = await connection.channel(), asyncio.Event()
    await channel.qos(100)
    await channel.consume(queue, lambda _: came.set())
    await asyncio.wait_for(came.wait(), LIMIT)
    await channel.close()


async def test_the_broker_is_the_one_that_this_run_claims_to_test(version: Version) -> None:
    claimed = os.environ.get("TASKMANAGER_TEST_RABBITMQ_VERSION")
    if claimed:
        assert version[:2] == tuple(int(part) for part in claimed.split("."))
    assert version >= (3, 10), "the first version whose quorum queues know a TTL and at-least-once dead-lettering"


@pytest.mark.parametrize("tool", [get_and_return, get_and_go_away, consume_and_go_away])
async def test_a_thousand_looks_at_requests_lose_nothing_by_whatever_tool(
    connection: Connection, channel: Channel, topology: Topology, tool: Look
) -> None:
    bodies = [b"one", b"two", b"three"]
    await put(channel, topology.requests, *bodies)
    await asyncio.wait_for(tool(connection, topology.requests), LIMIT)
    await until_there(channel, topology.requests, at_least=3)
    assert {(await next_message(channel, topology.requests)).body for _ in bodies} == set(bodies)
    assert (await channel.declare_queue(topology.dead_letters, passive=True)).messages == 0


@pytest.mark.parametrize("name", ["requests", "dead_letters"])
async def test_a_thousand_looks_at_rabbitmqs_own_page_lose_nothing(
    broker: DevBroker, channel: Channel, topology: Topology, name: str
) -> None:
    assert broker.management_url is not None
    queue, bodies = getattr(topology, name), [b"one", b"two", b"three"]
    await put(channel, queue, *bodies)
    await asyncio.to_thread(look_at_the_page, broker.management_url, queue, LOOKS)
    await until_there(channel, queue, at_least=3)
    assert {(await next_message(channel, queue)).body for _ in bodies} == set(bodies)
    assert (await channel.declare_queue(topology.dead_letters, passive=True)).messages == 0


@pytest.mark.parametrize("tool", [get_and_return, consume_and_go_away])
async def test_a_thousand_looks_at_letters_lose_nothing_by_whatever_tool(
    connection: Connection, channel: Channel, topology: Topology, tool: Look
) -> None:
    await put(channel, topology.dead_letters, b"letter")
    await asyncio.wait_for(tool(connection, topology.dead_letters), LIMIT)
    assert (await next_message(channel, topology.dead_letters)).body == b"letter"


async def test_a_thousand_looks_of_our_own_lose_no_letter(
    connection: Connection, channel: Channel, topology: Topology
) -> None:
    bodies = [b"one", b"two", b"three"]
    await put(channel, topology.dead_letters, *bodies)
    for _ in range(LOOKS):
        assert [letter.content for letter in await look(connection, topology)] == bodies
    assert [(await next_message(channel, topology.dead_letters)).body for _ in bodies] == bodies


@pytest.mark.parametrize("how", ["nack", "reject"])
@pytest.mark.parametrize("limit", [None, -1], ids=["default", "minus one"])
async def test_without_our_limit_a_queue_drops_what_was_looked_at(
    channel: Channel, spare: str, version: Version, limit: int | None, how: str
) -> None:
    arguments: FieldTable = {"x-queue-type": "quorum"} | ({} if limit is None else {"x-delivery-limit": limit})
    await channel.declare_queue(spare, durable=True, arguments=arguments)
    await put(channel, spare, b"looked at")
    looks = 0
    while looks < LOOKS and (got := await channel.get(spare)):
        getattr(channel, how)(got.delivery.delivery_tag)
        looks += 1
    assert looks == looks_that_are_survived(version, limit, how)


def looks_that_are_survived(version: Version, limit: int | None, how: str) -> int:
    """How often a message may be looked at; as often as the test looks stands for ever."""
    if version < DELIVERY_LIMIT_BY_DEFAULT:
        return 1 if limit == -1 else LOOKS
    counts = how == "reject" or version < NACKS_UNCOUNTED
    return 21 if limit is None and counts else LOOKS


async def test_without_our_limit_a_queue_drops_what_a_consumer_left_behind_from_4_0(
    connection: Connection, channel: Channel, spare: str, version: Version
) -> None:
    """Whoever looks and goes away counts on 4.3 too, where what is given back does not."""
    await channel.declare_queue(spare, durable=True, arguments={"x-queue-type": "quorum"})
    await put(channel, spare, b"looked at")
    for _ in range(21):
        await until_there(channel, spare, at_least=1)
        await look_and_go_away(connection, spare)
    await put(channel, spare, b"next")
    bodies = [b"next"] if version >= DELIVERY_LIMIT_BY_DEFAULT else [b"looked at", b"next"]
    assert [(await next_message(channel, spare)).body for _ in bodies] == bodies


async def test_a_fresh_message_survives_every_round_through_retry(channel: Channel, topology: Topology) -> None:
    (retry,) = topology.retries
    for number in range(20):
        await put(channel, retry, b"round %d" % number)
        came = await next_message(channel, topology.requests)
        assert came.body == b"round %d" % number
        (death,) = deaths(came)
        assert (death["queue"], death["reason"], death["count"]) == (retry, "expired", 1)


async def test_a_message_that_claims_to_have_died_in_requests_is_dropped_in_silence_before_4(
    channel: Channel, topology: Topology, version: Version
) -> None:
    claim: FieldTable = {
        "queue": topology.requests,
        "reason": "expired",
        "count": 1,
        "exchange": "",
        "routing-keys": ["x"],
    }
    (retry,) = topology.retries
    await put(channel, retry, b"forged", headers={"x-death": [claim]})
    await put(channel, retry, b"honest")
    came = [await next_message(channel, topology.requests)]
    if version >= FORGED_DEATHS_IGNORED:
        came.append(await next_message(channel, topology.requests))
        assert [[death["queue"] for death in deaths(each)] for each in came] == [[retry], [retry]]
    assert [each.body for each in came] == ([b"forged", b"honest"] if version >= FORGED_DEATHS_IGNORED else [b"honest"])
    for queue in topology.queues:
        assert (await channel.declare_queue(queue.name, passive=True)).messages == 0


async def test_a_forged_count_of_deaths_goes_on_before_4_and_is_ignored_from_4(
    channel: Channel, topology: Topology, version: Version
) -> None:
    (retry,) = topology.retries
    claim: FieldTable = {"queue": retry, "reason": "expired", "count": 7, "exchange": "", "routing-keys": [retry]}
    await put(channel, retry, b"forged", headers={"x-death": [claim]})
    (death,) = deaths(await next_message(channel, topology.requests))
    assert death["count"] == (1 if version >= FORGED_DEATHS_IGNORED else 8)


def deaths(delivery: Delivery) -> list[dict[str, Any]]:
    """Return what the broker says of a message's way."""
    found: Any = (delivery.properties.headers or {})["x-death"]
    return list(found)
