"""taskiq with taskiq-aio-pika on uvloop, and results in Redis (taskiq-redis), because it has none on the broker.

It follows "Getting started", "Available brokers" and "Available result backends" of taskiq's documentation. Redis is
private to the worker, listens on a Unix socket, and keeps nothing on disk. The client asks Redis for a result again and
again, every `CHECK_INTERVAL` seconds instead of the default of 0.2 s. The peer declares its own quorum queue
`QUEUE.taskiq`. A request is acked after its result is stored. It has no durable results.
"""

from typing import Any

import uvloop
from taskiq import AsyncTaskiqDecoratedTask
from taskiq.api import run_receiver_task
from taskiq_aio_pika import AioPikaBroker, Queue, QueueType
from taskiq_redis import RedisAsyncResultBackend

import command
from private_redis import private_redis, redis_address
from tally import SILENCE_LIMIT, Figures, Load, Request, concurrent_calls

PREFETCH = 200
CHECK_INTERVAL = 0.01
RESULTS_LAST = 60
"""Seconds after which results are removed, so that they do not fill the memory."""


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    return request


def make_task(url: str, queue: str, redis: str) -> "AsyncTaskiqDecoratedTask[[dict[str, Any]], Any]":
    results: RedisAsyncResultBackend[Any] = RedisAsyncResultBackend(redis, result_ex_time=RESULTS_LAST)
    queues = [Queue(name=f"{queue}.taskiq", type=QueueType.QUORUM)]
    broker = AioPikaBroker(url, qos=PREFETCH, task_queues=queues).with_result_backend(results)
    return broker.task(task_name="echo")(echo)


async def serve(url: str, queue: str, redis: str) -> None:
    broker = make_task(url, queue, redis).broker
    broker.is_worker_process = True
    await broker.startup()
    command.ready()
    await run_receiver_task(broker, max_async_tasks=PREFETCH, run_startup=False)


def worker(url: str, queue: str) -> None:
    with private_redis(url, queue) as redis:
        uvloop.run(serve(url, queue, redis))


async def make_calls(load: Load) -> Figures:
    task = make_task(load.url, load.queue, redis_address(load.url, load.queue))
    await task.broker.startup()

    async def call(request: Request) -> object:
        sent = await task.kiq(request)
        result = await sent.wait_result(check_interval=CHECK_INTERVAL, timeout=SILENCE_LIMIT)
        return result.return_value

    figures = await concurrent_calls(load, call)
    await task.broker.shutdown()
    return figures


def client(load: Load) -> Figures:
    return uvloop.run(make_calls(load))


if __name__ == "__main__":
    command.run(
        {"worker": worker}, client, ["taskiq", "taskiq-aio-pika", "taskiq-redis", "aio-pika", "redis", "uvloop"]
    )
