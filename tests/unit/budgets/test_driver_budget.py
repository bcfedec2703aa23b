"""How many function calls a message may cost the driver.

A bound is at most a fifth above what was counted when it was set, so that a change that doubles the work fails.
Whoever makes something cheaper lowers its bound.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pamqp import commands, frame, header

from leveret.amqp import Channel, Connection, Delivery, Message, Properties
from leveret.amqp.frames import publish
from leveret.amqp.link import Link
from leveret.amqp.message import Confirmation, ReturnedMessage
from leveret.amqp.reader import Reader
from support.call_counter import counting
from support.memory_broker import delivery, memory_broker

COUNT = 200
Make = Callable[[int], bytes]


def correlation(number: int) -> str:
    return f"{number:032x}"


def reply(number: int) -> bytes:
    properties = commands.Basic.Properties("application/json", delivery_mode=2, correlation_id=correlation(number))
    return delivery(number, properties, b'{"status":"ok"}')


def request(number: int) -> bytes:
    properties = commands.Basic.Properties(
        "application/json",
        headers={"x-deadline": 1_700_000_000_000 + number, "x-publish-seq": number},
        delivery_mode=2,
        correlation_id=correlation(number),
        reply_to="amq.rabbitmq.reply-to.abc",
    )
    return delivery(number, properties, b'{"action":"echo"}')


def returned(number: int) -> bytes:
    properties = commands.Basic.Properties(headers={"x-publish-seq": number}, correlation_id=correlation(number))
    parts = commands.Basic.Return(312, "NO_ROUTE", "x", "k"), header.ContentHeader(0, 0, properties)
    return b"".join(frame.marshal(part, 1) for part in parts)


def scattered_confirm(number: int) -> bytes:
    """Return a confirm whose number does not follow the one before."""
    return frame.marshal(commands.Basic.Ack(2 * number), 1)


@pytest.mark.parametrize(
    ("make", "kind", "most"),
    [
        (reply, Delivery, 14.5),
        (request, Delivery, 26.5),
        (returned, ReturnedMessage, 31),
        (scattered_confirm, Confirmation, 10.5),
    ],
)
def test_a_message_is_read_with_few_calls(make: Make, kind: type, most: float) -> None:
    data = b"".join(make(number) for number in range(1, COUNT + 1))
    reader = Reader()
    list(reader.feed(data))
    with counting() as calls:
        events = list(reader.feed(data))
    assert [type(event) for _, event in events] == [kind] * COUNT
    assert calls.each(COUNT) <= most


def test_confirms_in_their_order_are_read_together() -> None:
    data = b"".join(frame.marshal(commands.Basic.Ack(number), 1) for number in range(1, COUNT + 1))
    reader = Reader()
    list(reader.feed(data))
    with counting() as calls:
        events = list(reader.feed(data))
    assert events == [(1, Confirmation(COUNT, multiple=False, accepted=True, first=1))]
    assert calls.each(COUNT) <= 1.2


def replies() -> list[Message]:
    return [
        Message(b"{}", f"amq.reply-{number % 4}", properties=Properties(correlation_id=correlation(number)))
        for number in range(COUNT)
    ]


def requests() -> list[Message]:
    return [
        Message(
            b"{}",
            "api.requests",
            "api.direct",
            Properties(
                content_type="application/json",
                headers={"x-deadline": 1_700_000_000_000 + number},
                delivery_mode=2,
                correlation_id=correlation(number),
                reply_to="amq.rabbitmq.reply-to",
            ),
            mandatory=True,
        )
        for number in range(COUNT)
    ]


@pytest.mark.parametrize(("messages", "most"), [(replies(), 23), (requests(), 26.5)])
def test_a_message_is_written_with_few_calls(messages: list[Message], most: float) -> None:
    def write() -> list[bytes]:
        return [publish(1, message, 131072, number) for number, message in enumerate(messages, messages[0].mandatory)]

    write()
    with counting() as calls:
        written = write()
    assert len(written) == COUNT
    assert calls.each(COUNT) <= most


@asynccontextmanager
async def channel_and_link(patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Channel, Link]]:
    async with memory_broker(patch) as brokers:
        connection = await Connection.open("amqp://localhost")
        yield await connection.channel(confirms=True), brokers[0].link
        await connection.close()


@pytest.mark.parametrize(("make", "most"), [(reply, 23), (request, 35)])
async def test_a_delivery_reaches_its_consumer_with_few_calls(
    make: Make, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"".join(make(number) for number in range(1, COUNT + 1))
    batches: list[list[Delivery]] = []
    async with channel_and_link(monkeypatch) as (channel, link):
        await channel.consume("q", batches.append)
        link.data_received(data)
        with counting() as calls:
            link.data_received(data)
    assert [len(batch) for batch in batches] == [COUNT, COUNT]
    assert calls.each(COUNT) <= most


@pytest.mark.parametrize(("size", "most"), [(COUNT, 24.5), (10, 27), (1, 51)])
async def test_publishes_are_confirmed_with_few_calls_the_fewer_the_larger_the_batch(
    size: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = requests()
    async with channel_and_link(monkeypatch) as (channel, _):
        for _ in range(2):
            with counting() as calls:
                verdicts = [channel.publish_batch(messages[start : start + size]) for start in range(0, COUNT, size)]
                await asyncio.wait(verdicts)
            assert all(verdict.result() == [None] * size for verdict in verdicts)
    assert calls.each(COUNT) <= most
