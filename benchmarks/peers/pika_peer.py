"""pika, BlockingConnection: one callback for each message, as in the tutorial "Remote procedure call (RPC)".

The client sends from its callbacks, so that any number of calls is in flight on one connection, with replies by
direct reply-to (pika's example "Direct reply-to"). It has no confirms of replies or requests, no durable replies, and
does not reconnect.
"""

import json

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

import command
from tally import SILENCE_LIMIT, Figures, Load, Tally

PREFETCH = 200
REPLIES = "amq.rabbitmq.reply-to"


def on_request(channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
    response = json.loads(body)
    channel.basic_publish(
        exchange="",
        routing_key=properties.reply_to or "",
        properties=pika.BasicProperties(correlation_id=properties.correlation_id),
        body=json.dumps(response).encode(),
    )
    channel.basic_ack(delivery_tag=method.delivery_tag or 0)


def worker(url: str, queue: str) -> None:
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    channel.basic_consume(queue=queue, on_message_callback=on_request)
    command.ready()
    channel.start_consuming()


def client(load: Load) -> Figures:
    connection = pika.BlockingConnection(pika.URLParameters(load.url))
    channel = connection.channel()
    tally = Tally(load)

    def send() -> None:
        if request := tally.begin():
            properties = pika.BasicProperties(reply_to=REPLIES, correlation_id=request["id"], delivery_mode=2)
            channel.basic_publish("", load.queue, json.dumps(request).encode(), properties)

    def on_reply(_channel: BlockingChannel, _method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        tally.end(properties.correlation_id, json.loads(body))
        send()

    channel.basic_consume(queue=REPLIES, on_message_callback=on_reply, auto_ack=True)
    for _ in range(load.in_flight):
        send()
    while not tally.complete and tally.silence < SILENCE_LIMIT:
        connection.process_data_events(time_limit=SILENCE_LIMIT)
    connection.close()
    return tally.figures()


if __name__ == "__main__":
    command.run({"worker": worker}, client, ["pika"])
