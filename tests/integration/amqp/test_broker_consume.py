"""Consuming from a real RabbitMQ: in order, within the prefetch, settled or put back."""

import asyncio

import pytest

from leveret.amqp import (
    Channel,
    ChannelClosed,
    Connection,
    Delivery,
    FieldTable,
    Message,
    Properties,
)
from support.delivery_collector import DeliveryCollector

QUORUM: FieldTable = {"x-queue-type": "quorum"}


async def test_prefetch_bounds_what_is_in_hand_and_an_ack_brings_more(
    connection: Connection, channel: Channel, queue: str
) -> None:
    await channel.publish_batch([Message(b"%d" % number, queue) for number in range(10)])
    consuming = await connection.channel()
    await consuming.qos(4)
    inbox = DeliveryCollector(consuming)
    await consuming.consume(queue, inbox.take)
    await inbox.until(4)
    assert (await channel.declare_queue(queue, passive=True)).messages == 6
    consuming.ack(inbox.deliveries[2].delivery_tag, multiple=True)
    await inbox.until(7)
    assert [delivery.body for delivery in inbox.deliveries] == [b"%d" % number for number in range(7)]
    assert not any(delivery.redelivered for delivery in inbox.deliveries)


async def test_what_is_given_back_comes_again_and_what_is_dropped_does_not(channel: Channel, queue: str) -> None:
    await channel.publish_batch([Message(b"again", queue), Message(b"drop", queue), Message(b"reject", queue)])
    inbox = DeliveryCollector(channel)
    await channel.consume(queue, inbox.take)
    again, drop, reject = await inbox.until(3)
    channel.nack(drop.delivery_tag, requeue=False)
    channel.reject(reject.delivery_tag, requeue=False)
    channel.nack(again.delivery_tag)
    *_, redelivered = await inbox.until(4)
    assert (redelivered.body, redelivered.redelivered) == (b"again", True)
    channel.reject(redelivered.delivery_tag)
    *_, redelivered = await inbox.until(5)
    channel.ack(redelivered.delivery_tag)
    assert (await channel.declare_queue(queue, passive=True)).messages == 0


async def test_get_takes_one_message_and_tells_how_many_are_left(channel: Channel, prefix: str) -> None:
    queue = (await channel.declare_queue(prefix, durable=False, exclusive=True)).name
    assert await channel.get(queue) is None
    await channel.publish_batch([Message(b"1", queue), Message(b"2", queue)])
    got = await channel.get(queue)
    assert got is not None
    assert (got.delivery.body, got.message_count, got.delivery.consumer_tag) == (b"1", 1, "")
    channel.nack(got.delivery.delivery_tag, requeue=True)
    again = await channel.get(queue)
    assert again is not None
    assert (again.delivery.body, again.delivery.redelivered) == (b"1", True)
    channel.ack(again.delivery.delivery_tag)
    last = await channel.get(queue, no_ack=True)
    assert last is not None
    assert (last.delivery.body, last.message_count) == (b"2", 0)
    assert await channel.get(queue) is None


async def test_a_delivery_tag_that_was_never_given_closes_the_channel(channel: Channel) -> None:
    channel.ack(99)
    error = await asyncio.wait_for(channel.closed, 10)
    assert isinstance(error, ChannelClosed)
    assert error.reply_code == 406
    assert "unknown delivery tag 99" in str(error)


async def test_a_cancelled_consumer_gets_no_more_and_the_messages_stay(channel: Channel, queue: str) -> None:
    inbox = DeliveryCollector(channel)
    tag = await channel.consume(queue, inbox.take, no_ack=True)
    await channel.publish(Message(b"1", queue))
    await inbox.until(1)
    await channel.cancel(tag)
    await channel.cancel(tag)
    await channel.publish(Message(b"2", queue))
    got = await channel.get(queue, no_ack=True)
    assert got is not None
    assert got.delivery.body == b"2"
    assert len(inbox.deliveries) == 1


async def test_a_queue_deleted_under_its_consumer_is_told(connection: Connection, channel: Channel, queue: str) -> None:
    cancelled: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tag = await channel.consume(queue, lambda _: None, on_cancel=cancelled.set_result)
    await (await connection.channel()).delete_queue(queue)
    assert await asyncio.wait_for(cancelled, 10) == tag
    await channel.declare_queue(queue, arguments=QUORUM)
    inbox = DeliveryCollector(channel)
    await channel.consume(queue, inbox.take, no_ack=True)
    await channel.publish(Message(b"after", queue, mandatory=True))
    assert (await inbox.until(1))[0].body == b"after"


async def test_an_exclusive_consumer_keeps_others_out(connection: Connection, channel: Channel, prefix: str) -> None:
    await channel.declare_queue(prefix, durable=False, exclusive=True)
    await channel.consume(prefix, lambda _: None, exclusive=True)
    with pytest.raises(ChannelClosed, match="ACCESS_REFUSED") as caught:
        await (await connection.channel()).consume(prefix, lambda _: None)
    assert caught.value.reply_code == 403


async def test_direct_reply_to_answers_on_the_channel_that_asked(
    connection: Connection, channel: Channel, queue: str
) -> None:
    working = await connection.channel()

    def answer(batch: list[Delivery]) -> None:
        for delivery in batch:
            properties = Properties(correlation_id=delivery.properties.correlation_id)
            reply = Message(delivery.body.upper(), delivery.properties.reply_to or "", properties=properties)
            working.publish_batch([reply])
            working.ack(delivery.delivery_tag)

    await working.consume(queue, answer)
    inbox = DeliveryCollector(channel)
    await channel.consume("amq.rabbitmq.reply-to", inbox.take, no_ack=True)
    asked = [
        Message(
            b"q%d" % number, queue, properties=Properties(reply_to="amq.rabbitmq.reply-to", correlation_id=f"{number}")
        )
        for number in range(20)
    ]
    assert await channel.publish_batch(asked) == [None] * 20
    replies = await inbox.until(20)
    assert [(reply.properties.correlation_id, reply.body) for reply in replies] == [
        (f"{number}", b"Q%d" % number) for number in range(20)
    ]


async def test_unsettled_deliveries_go_back_when_the_channel_closes(connection: Connection, queue: str) -> None:
    first = await connection.channel(confirms=True)
    await first.publish(Message(b"x", queue))
    inbox = DeliveryCollector(first)
    await first.consume(queue, inbox.take)
    await inbox.until(1)
    await first.close()
    second = await connection.channel()
    again = DeliveryCollector(second)
    await second.consume(queue, again.take)
    (delivery,) = await again.until(1)
    assert delivery.redelivered
    second.ack(delivery.delivery_tag)
    await second.close()


async def test_a_channel_closed_right_after_a_consume_leaves_the_connection_whole(
    connection: Connection, prefix: str
) -> None:
    maker = await connection.channel()
    await maker.declare_queue(prefix, arguments={"x-queue-type": "quorum"})
    for _ in range(5):
        channel = await connection.channel()
        consuming = asyncio.ensure_future(channel.consume(prefix, lambda _: None))
        await asyncio.sleep(0)
        consuming.cancel()
        await channel.close()
    assert await maker.delete_queue(prefix) == 0


async def test_a_consumer_s_arguments_reach_the_broker(channel: Channel, queue: str) -> None:
    with pytest.raises(ChannelClosed, match="x-priority"):
        await channel.consume(queue, lambda _: None, arguments={"x-priority": "not a number"})


async def test_ten_thousand_messages_arrive_in_order_and_in_batches(channel: Channel, queue: str) -> None:
    message = Properties(delivery_mode=2)
    inbox = DeliveryCollector(channel)
    await channel.consume(queue, inbox.take, no_ack=True)
    for start in range(0, 10000, 500):
        await channel.publish_batch(
            [Message(b"%d" % number, queue, properties=message) for number in range(start, start + 500)]
        )
    deliveries = await inbox.until(10000)
    assert [int(delivery.body) for delivery in deliveries] == list(range(10000))
    assert len(inbox.batches) < 5000
