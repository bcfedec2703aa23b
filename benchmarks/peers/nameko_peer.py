"""Nameko: an RPC method of a service, and the standalone proxy as its client.

As in its documentation's "RPC" under "Built-in Extensions" and "Running a Service"; the service is run as `nameko
run` does it, on eventlet. `max_workers` is the prefetch too. It declares its own queue, a durable classic one:
`rpc-QUEUE`. Not done: quorum queues, durable replies, confirms of replies (of requests it waits for them).
"""

from typing import Any

import command
from tally import PATIENCE, Figures, Load, Request, windowed_calls

PREFETCH = 200


def worker(url: str, queue: str) -> None:
    import eventlet  # noqa: PLC0415 - the standard library has to be patched before what follows, and for the worker only

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

    with ClusterRpcProxy({"AMQP_URI": load.url, "serializer": "json"}, timeout=PATIENCE) as cluster:
        method = cluster[load.queue].echo

        def send(request: Request) -> Any:
            return method.call_async(request)

        def receive(reply: Any) -> object:
            return reply.result()

        return windowed_calls(load, send, receive)


if __name__ == "__main__":
    command.run({"worker": worker}, client, ["nameko", "kombu", "amqp", "eventlet"])
