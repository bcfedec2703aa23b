"""aio-pika on uvloop: a robust connection, one callback for each message, `message.process()`.

It follows the tutorial "Remote procedure call (RPC)" of aio-pika's documentation. `worker` does not wait for confirms
of its replies: if the broker loses a reply, its request is acked all the same. `worker-confirmed` waits for them, on
a second connection, before it acks. Neither of them has durable replies.
"""

import asyncio
import json

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

import command
from tally import Figures, Load, Request, concurrent_calls

PREFETCH = 200


async def serve(url: str, queue_name: str, *, confirmed: bool) -> None:
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel(publisher_confirms=False)
    replies = await (await aio_pika.connect_robust(url)).channel() if confirmed else channel
    exchange = replies.default_exchange

    async def on_request(message: AbstractIncomingMessage) -> None:
        async with message.process():
            response = json.loads(message.body)
            reply = aio_pika.Message(json.dumps(response).encode(), correlation_id=message.correlation_id)
            await exchange.publish(reply, routing_key=message.reply_to or "", mandatory=False)

    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(queue_name)
    await queue.consume(on_request)
    command.ready()
    await asyncio.Future()


def worker(url: str, queue: str) -> None:
    uvloop.run(serve(url, queue, confirmed=False))


def confirmed_worker(url: str, queue: str) -> None:
    uvloop.run(serve(url, queue, confirmed=True))


async def make_calls(load: Load) -> Figures:
    connection = await aio_pika.connect_robust(load.url)
    channel = await connection.channel(publisher_confirms=False)
    callback_queue = await channel.declare_queue(exclusive=True)
    futures: dict[str, asyncio.Future[object]] = {}

    async def on_response(message: AbstractIncomingMessage) -> None:
        futures.pop(message.correlation_id or "").set_result(json.loads(message.body))

    async def call(request: Request) -> object:
        future = futures[request["id"]] = asyncio.get_running_loop().create_future()
        message = aio_pika.Message(
            json.dumps(request).encode(),
            content_type="application/json",
            correlation_id=request["id"],
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            reply_to=callback_queue.name,
        )
        await channel.default_exchange.publish(message, routing_key=load.queue, mandatory=False)
        return await future

    await callback_queue.consume(on_response, no_ack=True)
    figures = await concurrent_calls(load, call)
    await connection.close()
    return figures


def client(load: Load) -> Figures:
    return uvloop.run(make_calls(load))


if __name__ == "__main__":
    workers = {"worker": worker, "worker-confirmed": confirmed_worker}
    command.run(workers, client, ["aio-pika", "aiormq", "pamqp", "uvloop"])
