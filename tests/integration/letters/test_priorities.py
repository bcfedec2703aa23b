"""What is sent again waits behind live traffic on RabbitMQ 4.3, and takes its turn on those before."""

import asyncio
import json

import pytest

from leveret.amqp import Delivery
from leveret.wire.envelope import REDRIVE_PRIORITY
from support.redriving import Again, until_depth
from support.serving import LIMIT, Caller, Serve, until
from support.versions import STRICT_PRIORITIES, version_of

LIVE = ["live-0", "live-1", "live-2"]
AGAIN = ["again-0", "again-1"]


def writing(request_id: str, token: str, then: str = "") -> dict[str, object]:
    data = {"text": request_id, "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": token}


async def sent_again(serve: Serve, caller: Caller, token: str, again: Again, ids: list[str], then: str = "") -> None:
    """Letters of these ids are made and sent again; nobody works after that."""
    async with serve(most=0, services=[KeyError("the disk was full") for _ in ids]):
        for request_id in ids:
            assert (await caller.ask(writing(request_id, token, then)))["status"] == "error"
    await until_depth(caller, len(ids))
    assert (await again.redrive(None)).done == len(ids)


async def next_request(caller: Caller) -> Delivery:
    """Take the next request that waits, without an ack; one that waits in retry comes when its delay is over."""
    async with asyncio.timeout(LIMIT):
        while (got := await caller.channel.get(caller.topology.requests, no_ack=True)) is None:  # noqa: ASYNC110 -- the queue is at the broker
            await asyncio.sleep(0.01)
    return got.delivery


async def test_what_is_sent_again_waits_behind_live_requests_from_4_3(
    serve: Serve, caller: Caller, token: str, again: Again
) -> None:
    await sent_again(serve, caller, token, again, AGAIN)
    for request_id in LIVE:
        await caller.send(writing(request_id, token))
    order = [json.loads((await next_request(caller)).body)["id"] for _ in AGAIN + LIVE]
    strict = version_of(caller.connection) >= STRICT_PRIORITIES
    assert order == (LIVE + AGAIN if strict else AGAIN + LIVE)


async def test_a_retry_of_what_was_sent_again_waits_behind_live_requests_too(
    serve: Serve, caller: Caller, token: str, again: Again, caplog: pytest.LogCaptureFixture
) -> None:
    await sent_again(serve, caller, token, again, ["again"], "after:temporary")
    async with serve(most=1000):
        await until(lambda: any(text.startswith("retry #1 for again") for text in caplog.messages), "a retry")
    assert (await next_request(caller)).properties.priority == REDRIVE_PRIORITY
