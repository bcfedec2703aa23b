"""Publishing to a real RabbitMQ: what arrives, what comes back, what is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from leveret.amqp import (
    Channel,
    ChannelClosed,
    Connection,
    FieldTable,
    Message,
    Properties,
    Refused,
    Unroutable,
)
from support.delivery_collector import DeliveryCollector

QUORUM: FieldTable = {"x-queue-type": "quorum"}


async def test_all_properties_and_headers_come_back_as_they_were_sent(channel: Channel, queue: str) -> None:
    headers: FieldTable = {
        "text": "Grüße",
        "bytes": b"\xff\x00",
        "small": 1,
        "large": -(2**63),
        "yes": True,
        "none": None,
        "float": 1.1,
        "decimal": Decimal("12.345"),
        "time": datetime(2024, 2, 29, 12, tzinfo=UTC),
        "list": [1, "two", [3.5], {"deep": {"er": []}}],
    }
    sent = Properties(
        content_type="application/json",
        content_encoding="identity",
        headers=headers,
        delivery_mode=2,
        priority=3,
        correlation_id="correlation",
        reply_to="somewhere",
        expiration="60000",
        message_id="id",
        timestamp=1700000000,
        type="kind",
        user_id="guest",
        app_id="app",
        cluster_id="cluster",
    )
    for mandatory in (False, True):
        await channel.publish(Message(b"{}", queue, properties=sent, mandatory=mandatory))
        got = await channel.get(queue, no_ack=True)
        assert got is not None
        found = dict(got.delivery.properties.headers or {})
        found.pop("x-delivery-count", None)
        assert found == headers
        for field in set(Properties.__struct_fields__) - {"headers"}:
            assert getattr(got.delivery.properties, field) == getattr(sent, field)
        assert (got.delivery.body, got.delivery.routing_key, got.delivery.exchange) == (b"{}", queue, "")


@pytest.mark.parametrize("size", [0, 1, 131064, 131065, 1 << 20, 5_000_000])
async def test_a_body_of_any_size_comes_back_whole(channel: Channel, queue: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    inbox = DeliveryCollector(channel)
    await channel.publish(Message(body, queue, mandatory=True))
    await channel.consume(queue, inbox.take, no_ack=True)
    (delivery,) = await inbox.until(1)
    assert delivery.body == body


async def test_the_verdicts_of_a_batch_are_in_its_order_whatever_is_equal(channel: Channel, queue: str) -> None:
    same = Properties(message_id="same", correlation_id="same", delivery_mode=2)
    batch = [
        Message(b"same", queue if number % 3 else f"{queue}-no", properties=same, mandatory=True)
        for number in range(300)
    ]
    verdicts = await channel.publish_batch(batch)
    expected = [type(None) if number % 3 else Unroutable for number in range(300)]
    assert [type(verdict) for verdict in verdicts] == expected
    assert (await channel.declare_queue(queue, passive=True, arguments=QUORUM)).messages == 200


async def test_without_mandatory_an_unroutable_message_is_confirmed_and_gone(channel: Channel, queue: str) -> None:
    await channel.publish(Message(b"x", f"{queue}-no"))


async def test_many_batches_at_once_are_all_confirmed(channel: Channel, queue: str) -> None:
    message = Message(b"x" * 100, queue, properties=Properties(delivery_mode=2))
    futures = [channel.publish_batch([message] * 50) for _ in range(100)]
    assert [await future for future in futures] == [[None] * 50] * 100


async def test_a_full_queue_refuses(connection: Connection, channel: Channel, prefix: str) -> None:
    arguments: FieldTable = {"x-max-length": 1, "x-overflow": "reject-publish"}
    await channel.declare_queue(prefix, durable=False, exclusive=True, arguments=arguments)
    await channel.publish(Message(b"x", prefix, mandatory=True))
    with pytest.raises(Refused):
        await channel.publish(Message(b"x", prefix, mandatory=True))
    assert connection.is_open


async def test_publishing_to_an_exchange_that_is_not_there_ends_the_channel(
    connection: Connection, channel: Channel
) -> None:
    (verdict,) = await channel.publish_batch([Message(b"x", "k", "no-such-exchange")])
    assert isinstance(verdict, ChannelClosed)
    assert verdict.reply_code == 404
    assert verdict.unknown
    assert connection.is_open
