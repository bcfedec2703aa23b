"""A queue at its length limit: every refusal reaches its caller as `overloaded`, and no request is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from leveret.client import BlockingClient, Client
from leveret.errors import NoAnswer, Overloaded
from leveret.topology import Topology
from support.responder import LIMIT, channel_of, declared, echo, request_of, responding, until
from testbed.proxy import Proxy

ROOM = 5
"""Requests that the queue takes; a quorum queue may take one more before it says no."""


@pytest.fixture
async def topology(url: str, prefix: str) -> AsyncIterator[Topology]:
    async with declared(url, Topology(prefix, limit=ROOM)) as topology:
        yield topology


async def fill(client: Client) -> int:
    """Send until the queue takes no more; return how many requests it took."""
    for number in range(100):
        try:
            await client.send("x", id=f"fill-{number}")
        except Overloaded:
            return number
    raise AssertionError("the queue has no limit")


async def test_call_ask_and_send_are_refused_alike_and_told_when_to_ask_again(client: Client) -> None:
    assert ROOM <= await fill(client) <= ROOM + 1
    for ask in (client.call, client.ask, client.send):
        with pytest.raises(Overloaded, match=r"v1\.pay i-1 was not accepted: .*takes no more .*Ask again in") as caught:
            await ask("pay", id="i-1", timeout=LIMIT)
        assert caught.value.code == "overloaded"
        assert caught.value.details is not None
        assert 1.0 <= caught.value.details["retry_after"] <= 40.0
    assert client.in_flight == 0


async def test_a_blocking_client_is_told_as_well(url: str, topology: Topology, client: Client) -> None:
    await fill(client)

    def ask() -> None:
        with BlockingClient(url, topology=topology) as blocking:
            for method in (blocking.call, blocking.ask, blocking.send):
                with pytest.raises(Overloaded) as caught:
                    method("pay", timeout=LIMIT)
                assert caught.value.details is not None
                assert caught.value.details["retry_after"] >= 1.0

    await asyncio.to_thread(ask)


async def test_of_many_at_once_each_is_either_in_the_queue_or_refused(
    url: str, topology: Topology, client: Client
) -> None:
    asked = {f"i-{number}" for number in range(2000)}
    found = await asyncio.gather(
        *(client.send("x", id=request_id, timeout=LIMIT) for request_id in sorted(asked)), return_exceptions=True
    )
    accepted = {request_id for request_id in found if isinstance(request_id, str)}
    assert sum(isinstance(error, Overloaded) for error in found) == len(asked) - len(accepted)
    assert ROOM <= len(accepted) < len(asked)
    async with channel_of(url) as channel:
        kept = set()
        while got := await channel.get(topology.requests, no_ack=True):
            kept.add(request_of(got.delivery)["id"])
    assert kept == accepted


async def test_as_soon_as_there_is_room_requests_are_taken_again(url: str, topology: Topology, client: Client) -> None:
    await fill(client)
    async with responding(url, topology, echo) as worker:
        await worker.came(ROOM)
        assert await client.call("x", {"n": 1}, timeout=LIMIT) == {"n": 1}


async def test_when_an_earlier_attempt_may_have_been_accepted_that_is_what_the_caller_is_told(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client:
        asked = asyncio.create_task(client.call("pay", id="i-1", timeout=LIMIT))
        async with channel_of(url) as channel, Client(url, topology=topology) as other:
            while not (got := await channel.get(topology.requests)):
                pass
            assert got.delivery.properties.correlation_id == "i-1"  # a worker may have executed it by now
            await fill(other)
            await proxy.cut()
            with pytest.raises(NoAnswer, match=r"v1\.pay i-1 was not sent again: .*takes no more.* may have been exec"):
                await asked
        await until(lambda: client.in_flight == 0, "an empty table")
