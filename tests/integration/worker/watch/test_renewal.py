"""A worker to which nothing comes consumes anew: the broker may have lost its consumer without a word."""

import asyncio
from datetime import timedelta

import pytest

from leveret.amqp import Delivery
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.serving import Broker, Caller, Serve, into, lines, until
from support.silence import silently_cancelled

OPTIONS = WorkerOptions(name="test", watchdog=timedelta(milliseconds=600), drain=timedelta(seconds=1))


def request(request_id: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "health_check", "data": {}, "auth": ""}


async def test_a_worker_whose_consumer_is_gone_beside_another_one_consumes_anew_while_nothing_comes(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    held: asyncio.Queue[Delivery] = asyncio.Queue()
    asking, other = [await caller.connection.channel() for _ in range(2)]
    await other.consume(topology.requests, into(held))

    async def consumers() -> int:
        return (await asking.declare_queue(topology.requests, passive=True)).consumers

    async with silently_cancelled(broker, topology, database, OPTIONS):
        while await consumers() != 1:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0)
        while await consumers() != 2:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0)
        await other.close()
        assert (await caller.ask(request("a")))["status"] == "ok"


async def test_consuming_anew_keeps_the_connections(
    serve: Serve, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "leveret.worker")

    def renewals() -> int:
        return sum(text.endswith(" anew") for text in lines(caplog.records))

    async with serve(options=OPTIONS):
        await until(lambda: renewals() >= 2, "two renewals")
        assert (await caller.ask(request("a")))["status"] == "ok"
        assert [text for text in lines(caplog.records) if "lost" in text] == []


async def test_a_queue_that_is_deleted_and_made_again_at_once_leaves_no_worker_deaf(
    serve: Serve, topology: Topology, caller: Caller
) -> None:
    async with serve(options=OPTIONS):
        assert (await caller.ask(request("a")))["status"] == "ok"
        operator = await caller.connection.channel()
        await operator.delete_queue(topology.requests)
        await topology.declare(operator)
        assert (await caller.ask(request("b")))["status"] == "ok"
        assert (await caller.ask(request("c")))["status"] == "ok"
