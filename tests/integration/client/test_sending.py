"""Requests without a reply."""

import asyncio

import pytest

from leveret.client import Client
from leveret.errors import NoAnswer, NotSent
from leveret.topology import Topology
from support.responder import LIMIT, channel_of, echo, request_of, responding, silent
from testbed.proxy import Proxy


async def test_a_request_is_sent_once_the_broker_has_it_and_nobody_need_be_there(
    url: str, topology: Topology, client: Client
) -> None:
    assert await client.send("remind", {"n": 1}, version="v2", id="i-1") == "i-1"
    assert client.in_flight == 0
    async with channel_of(url) as channel:
        got = await channel.get(topology.requests, no_ack=True)
    assert got is not None
    assert request_of(got.delivery)["data"] == {"n": 1}
    properties = got.delivery.properties
    assert (properties.reply_to, properties.correlation_id, properties.delivery_mode) == (None, "i-1", 2)
    assert "x-deadline" not in (properties.headers or {}), (
        "nobody waits, so it may wait for a worker as long as it likes"
    )


async def test_thousands_of_requests_are_sent_at_once(url: str, topology: Topology, client: Client) -> None:
    count = 3000
    ids = await asyncio.gather(*(client.send("remind", {"n": n}, timeout=LIMIT) for n in range(count)))
    assert len(set(ids)) == count
    async with channel_of(url) as channel:
        assert await channel.purge_queue(topology.requests) == count


async def test_the_same_request_sent_twice_at_once_goes_out_once(url: str, topology: Topology, client: Client) -> None:
    assert await asyncio.gather(*(client.send("remind", id="i-2") for _ in range(5))) == ["i-2"] * 5
    async with channel_of(url) as channel:
        assert await channel.purge_queue(topology.requests) == 1


async def test_a_request_that_no_queue_takes_was_not_sent(url: str, topology: Topology, client: Client) -> None:
    async with channel_of(url) as channel:
        await channel.delete_queue(topology.requests)
    with pytest.raises(NotSent, match=r"v1\.remind i-3 was not sent: no queue takes"):
        await client.send("remind", id="i-3")


async def test_a_request_that_is_not_confirmed_in_time_may_have_been_accepted(
    topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client:
        await client.send("warm up")
        proxy.pause()
        with pytest.raises(NoAnswer, match=r"v1\.remind i-4 .*within 0\.3 s: the broker has not confirmed"):
            await client.send("remind", id="i-4", timeout=0.3)
        proxy.resume()
        assert await client.send("remind", id="i-5") == "i-5"


async def test_a_cancelled_sender_leaves_nothing_behind(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, silent) as worker:
        await client.send("warm up")
        proxy.pause()
        sending = asyncio.create_task(client.send("remind", id="i-6", timeout=LIMIT))
        await proxy.held()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert client.in_flight == 0
        proxy.resume()
        worker.answer = echo
        assert await client.call("x", timeout=LIMIT) == {}
