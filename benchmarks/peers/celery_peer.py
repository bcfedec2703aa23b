"""Celery with the `rpc://` result backend: results come back through RabbitMQ to a queue of the client.

It follows "First Steps with Celery", "RPC Result Backend (RabbitMQ/QPid)" and "Using Quorum Queues" of Celery's
documentation. It is one process with a pool of threads, which was the fastest on two cores in each round among solo,
prefork (1 and 2 children, also with `-Ofair`) and threads. It acks late, because the other peers too ack after the
work; it has no events, gossip or mingle. The task `echo` takes the request from the quorum queue QUEUE. It has no
durable results (`result_persistent`) and no confirms of results.
"""

from typing import Any

from celery import Celery
from celery.result import AsyncResult
from celery.signals import worker_ready

import command
from tally import SILENCE_LIMIT, Figures, Load, Request, windowed_calls

PREFETCH = 200
POOL = ("--pool=threads", "--concurrency=8")


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return request


def make_app(url: str, queue: str) -> Celery:
    app = Celery("peer", broker=url, backend="rpc://")
    app.conf.update(
        task_default_queue=queue,
        task_default_queue_type="quorum",
        task_acks_late=True,
        worker_prefetch_multiplier=PREFETCH,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
    )
    app.task(name="echo")(echo)
    return app


def worker(url: str, queue: str) -> None:
    worker_ready.connect(lambda **_: command.ready(), weak=False)
    quiet = ("--loglevel=CRITICAL", "--without-gossip", "--without-mingle", "--without-heartbeat")
    make_app(url, queue).worker_main(["--quiet", "worker", *POOL, *quiet])


def client(load: Load) -> Figures:
    task = make_app(load.url, load.queue).tasks["echo"]

    def send(request: Request) -> AsyncResult:
        return task.apply_async((request,), task_id=request["id"])

    def receive(result: AsyncResult) -> object:
        return result.get(timeout=SILENCE_LIMIT)

    return windowed_calls(load, send, receive)


if __name__ == "__main__":
    command.run({"worker": worker}, client, ["celery", "kombu", "amqp", "billiard"])
