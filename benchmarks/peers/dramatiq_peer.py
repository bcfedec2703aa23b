"""Dramatiq on RabbitMQ with results in Redis, as Dramatiq recommends, because it cannot answer through the broker.

It follows "Results" and "RabbitMQ Broker" of Dramatiq's documentation. Redis is private to the worker, listens on a
Unix socket, and keeps nothing on disk. It is one process with Dramatiq's default of 8 threads, and declares its own
classic queue `QUEUE.dramatiq`. A request is acked after its result is stored. It has no quorum queues and no durable
results.
"""

import threading
from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

import command
from private_redis import private_redis, redis_address
from tally import SILENCE_LIMIT, Figures, Load, Request, windowed_calls

PREFETCH = 200
THREADS = 8


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return request


def make_actor(url: str, queue: str, redis: str) -> "dramatiq.Actor[[dict[str, Any]], dict[str, Any]]":
    broker = RabbitmqBroker(url=url)
    broker.add_middleware(Results(backend=RedisBackend(url=redis)))
    dramatiq.set_broker(broker)
    return dramatiq.actor(echo, broker=broker, queue_name=f"{queue}.dramatiq", store_results=True)


def worker(url: str, queue: str) -> None:
    with private_redis(url, queue) as redis:
        actor = make_actor(url, queue, redis)
        actor.broker.declare_queue(actor.queue_name, ensure=True)
        working = dramatiq.Worker(actor.broker, worker_threads=THREADS)
        working.queue_prefetch = PREFETCH
        working.start()
        command.ready()
        threading.Event().wait()


def client(load: Load) -> Figures:
    actor = make_actor(load.url, load.queue, redis_address(load.url, load.queue))

    def send(request: Request) -> "dramatiq.Message[dict[str, Any]]":
        return actor.send(request)

    def receive(message: "dramatiq.Message[dict[str, Any]]") -> object:
        return message.get_result(block=True, timeout=int(SILENCE_LIMIT * 1000))

    return windowed_calls(load, send, receive)


if __name__ == "__main__":
    command.run({"worker": worker}, client, ["dramatiq", "pika", "redis"])
