"""Nameko: an RPC method of a service, and the standalone proxy as its client.

It follows "RPC" under "Built-in Extensions" and "Running a Service" of Nameko's documentation; the service runs on
eventlet, as `nameko run` does it. `max_workers` is also the prefetch. It declares its own durable classic queue
`rpc-QUEUE`. It waits for confirms of requests. It has no quorum queues, no durable replies and no confirms of replies.
"""

from typing import Any

import command
from tally import SILENCE_LIMIT, Figures, Load, Request, windowed_calls

PREFETCH = 200


def worker(url: str, queue: str) -> None:
    import eventlet  # noqa: PLC0415 - only the worker patches the standard library, before the imports below

    eventlet.monkey_patch()
    from nameko.rpc import rpc  # noqa: PLC0415
    from nameko.runners import ServiceRunner  # noqa: PLC0415

    class Echo:
        name = queue

        @rpc
        def echo(self, request: dict[str, Any]) -> dict[str, Any]:
            return request

    runner = ServiceRunner({"AMQP_URI": url, "max_workers": PREFETCH, "serializer": "json"})
    runner.add_service(Echo)
    runner.start()
    command.ready()
    runner.wait()


def client(load: Load) -> Figures:
    from nameko.standalone.rpc import ClusterRpcProxy  # noqa: PLC0415 - see `worker`

    with ClusterRpcProxy({"AMQP_URI": load.url, "serializer": "json"}, timeout=SILENCE_LIMIT) as cluster:
        method = cluster[load.queue].echo

        def send(request: Request) -> Any:
            return method.call_async(request)

        def receive(reply: Any) -> object:
            return reply.result()

        return windowed_calls(load, send, receive)


if __name__ == "__main__":
    command.run({"worker": worker}, client, ["nameko", "kombu", "amqp", "eventlet"])
