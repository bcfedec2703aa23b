"""FastStream on uvloop: a subscriber that returns its response, which the broker object sends to `reply_to`.

It follows "RPC over RMQ" under "RabbitMQ" of FastStream's documentation. `worker` does not wait for confirms of its
replies, which is faster than FastStream's default; `worker-confirmed` waits for them. Replies are not mandatory,
because RabbitMQ returns a mandatory reply by direct reply-to although it delivers it, and each return would cost this
peer time. FastStream's `request()` holds a lock from the request to the reply, so that a client always has one call
in flight. The peer has no durable replies.
"""

from dataclasses import replace
from typing import Any

import uvloop
from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue, RabbitResponse

import command
from tally import SILENCE_LIMIT, Figures, Load, Request, concurrent_calls

PREFETCH = 200


def serve(url: str, queue: str, *, confirmed: bool) -> None:
    channel = Channel(prefetch_count=PREFETCH, publisher_confirms=confirmed)
    broker = RabbitBroker(url, default_channel=channel, logger=None)
    app = FastStream(broker, logger=None)

    @broker.subscriber(RabbitQueue(queue, declare=False))
    async def echo(body: dict[str, Any]) -> RabbitResponse:
        return RabbitResponse(body, mandatory=False)

    @app.after_startup
    async def started() -> None:
        command.ready()

    uvloop.run(app.run())


def worker(url: str, queue: str) -> None:
    serve(url, queue, confirmed=False)


def confirmed_worker(url: str, queue: str) -> None:
    serve(url, queue, confirmed=True)


async def make_calls(load: Load) -> Figures:
    async with RabbitBroker(load.url, default_channel=Channel(publisher_confirms=False), logger=None) as broker:

        async def call(request: Request) -> object:
            response = await broker.request(
                request, load.queue, correlation_id=request["id"], persist=True, mandatory=False, timeout=SILENCE_LIMIT
            )
            return await response.decode()

        return await concurrent_calls(replace(load, in_flight=1), call)


def client(load: Load) -> Figures:
    return uvloop.run(make_calls(load))


if __name__ == "__main__":
    workers = {"worker": worker, "worker-confirmed": confirmed_worker}
    command.run(workers, client, ["faststream", "aio-pika", "aiormq", "pydantic", "uvloop"])
