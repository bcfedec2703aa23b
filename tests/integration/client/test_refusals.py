"""The errors of a client when the broker does not take a request, or when there is no broker."""

import asyncio
import struct

import pytest

from leveret.amqp import ConnectFailed, Unroutable
from leveret.client import Client
from leveret.errors import InvalidRequest, NoAnswer, NotSent
from leveret.topology import Topology
from support.responder import LIMIT, channel_of, declared, echo, reply_to, responding, silent, until
from testbed.proxy import Proxy

BLOCKED, UNBLOCKED = 60, 61


def notice(method: int, reason: bytes = b"") -> bytes:
    """Return a connection.blocked or connection.unblocked (RabbitMQ docs "Blocked Connection Notifications")."""
    arguments = struct.pack(">HH", 10, method) + (bytes([len(reason)]) + reason if method == BLOCKED else b"")
    return struct.pack(">BHI", 1, 0, len(arguments)) + arguments + b"\xce"


async def test_a_missing_exchange_is_reported_as_not_sent_and_the_client_goes_on(url: str, prefix: str) -> None:
    topology = Topology(prefix)
    async with Client(url, topology=topology) as client:
        for number in range(2):
            with pytest.raises(NotSent, match=rf"v1\.x {number} was not sent: .*no exchange.*topology applied"):
                await client.call("x", id=str(number), timeout=LIMIT)
        async with declared(url, topology), responding(url, topology, echo):
            assert await client.call("x", {"n": 1}, timeout=LIMIT) == {"n": 1}


async def test_a_text_that_utf_8_cannot_hold_is_an_invalid_request_and_the_client_goes_on(
    url: str, topology: Topology, client: Client
) -> None:
    async with responding(url, topology, echo):
        with pytest.raises(InvalidRequest, match="half of a surrogate pair"):
            await client.call("x", {"title": "\ud800"}, timeout=LIMIT)
        assert await client.call("x", {"title": "whole"}, timeout=LIMIT) == {"title": "whole"}


async def test_an_exchange_without_its_queue_returns_the_request_which_is_reported_as_not_sent(
    url: str, topology: Topology, client: Client
) -> None:
    async with channel_of(url) as channel:
        await channel.delete_queue(topology.requests)
        found = await asyncio.gather(*(client.call("x", id=f"i{n}") for n in range(20)), return_exceptions=True)
        for number, error in enumerate(found):
            assert isinstance(error, NotSent)
            assert f"v1.x i{number} was not sent: no queue takes" in str(error)
            assert "is a worker's topology applied?" in str(error)
        await topology.declare(channel)
    async with responding(url, topology, echo):
        assert await client.call("x", {"n": 1}) == {"n": 1}


async def test_nobody_there_is_reported_as_not_sent_with_the_drivers_reason(
    url: str, proxied: str, proxy: Proxy
) -> None:
    await proxy.refuse()
    with pytest.raises(NotSent, match="No connection to the broker") as caught:
        await Client(proxied).connect()
    assert isinstance(caught.value.__cause__, ConnectFailed)


async def test_a_wrong_password_is_reported_at_once_whatever_the_patience(url: str) -> None:
    with pytest.raises(NotSent) as caught:
        await asyncio.wait_for(Client(url.replace("guest:guest", "guest:wrong"), patience=1000).connect(), LIMIT)
    assert "guest:wrong" not in str(caught.value)


async def test_patience_waits_for_a_broker_that_is_not_up_yet(
    topology: Topology, url: str, proxied: str, proxy: Proxy
) -> None:
    await proxy.refuse()
    connecting = asyncio.create_task(Client(proxied, topology=topology, patience=LIMIT).connect())
    await asyncio.sleep(0)
    await proxy.listen()
    client = await connecting
    async with responding(url, topology, echo):
        assert await client.call("x", {"n": 1}) == {"n": 1}
    await client.close()


@pytest.mark.parametrize("address", ["", "http://localhost", "amqp://localhost:port/", "amqp://localhost?colour=red"])
def test_an_address_that_is_none_is_the_callers_error(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Client(address)


def test_an_unknown_way_to_treat_lost_calls_is_the_callers_error() -> None:
    with pytest.raises(ValueError, match="on_lost is 'panic'"):
        Client("amqp://", on_lost="panic")  # type: ignore[arg-type]  # the point of the test


async def test_a_client_that_is_not_connected_or_closed_says_so(url: str, topology: Topology) -> None:
    client = Client(url, topology=topology)
    with pytest.raises(NotSent, match="the client is not connected"):
        await client.call("x")
    await client.connect()
    with pytest.raises(RuntimeError, match="connected already"):
        await client.connect()
    await client.close()
    await client.close()
    with pytest.raises(NotSent, match=r"v1\.x i-1 was not sent: the client is closed"):
        await client.call("x", id="i-1")
    async with client, responding(url, topology, echo):
        assert await client.call("x", {"n": 1}) == {"n": 1}


async def test_a_client_closed_before_its_tasks_had_a_turn_leaves_no_connection(proxied: str, proxy: Proxy) -> None:
    client = await Client(proxied).connect()
    await client.close()
    await asyncio.wait_for(proxy.empty(), LIMIT)


async def test_closing_fails_what_is_in_flight_and_says_how_far_it_came(url: str, topology: Topology) -> None:
    client = await Client(url, topology=topology).connect()
    async with responding(url, topology, silent) as worker:
        written = asyncio.create_task(client.call("written", id="i-1"))
        await worker.came(1)
        unwritten = asyncio.create_task(client.call("unwritten", id="i-2"))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(NoAnswer, match=r"v1\.written i-1 has no reply before the client was closed"):
            await written
        with pytest.raises(NotSent, match=r"v1\.unwritten i-2 was not sent before the client was closed"):
            await unwritten
    assert client.in_flight == 0


async def test_a_blocked_client_holds_requests_back_says_why_and_goes_on_afterwards(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, silent) as worker:
        asked = asyncio.create_task(client.call("before", id="i-1", timeout=LIMIT))
        await worker.came(1)
        proxy.inject(notice(BLOCKED, b"low on memory"))
        await until(lambda: client.trouble, "the notice to be read")
        with pytest.raises(NotSent, match=r"v1\.x i-2 was not sent within 0\.3 s; .*blocks publishers.*low on memory"):
            await client.call("x", id="i-2", timeout=0.3)
        held = asyncio.create_task(client.call("held", {"n": 3}, id="i-3", timeout=LIMIT))
        worker.publish(reply_to(worker.requests[0]))  # replies come in during all of this
        assert await asked == {}
        worker.answer = echo
        proxy.inject(notice(UNBLOCKED))
        assert await held == {"n": 3}
    assert [delivery.properties.correlation_id for delivery in worker.requests] == ["i-1", "i-3"]


async def test_a_broker_that_reads_no_more_makes_no_call_wait_longer_than_its_timeout(
    topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client:
        await client.send("x")
        proxy.pause()
        large = {"text": "x" * 200_000}
        calls = [client.call("x", large, id=str(number), timeout=0.5) for number in range(200)]
        async with asyncio.timeout(LIMIT):
            found = await asyncio.gather(*calls, return_exceptions=True)
        unconfirmed = [error for error in found if isinstance(error, NoAnswer)]
        unwritten = [error for error in found if isinstance(error, NotSent)]
        assert unconfirmed
        assert unwritten
        assert len(unconfirmed) + len(unwritten) == len(found)
        assert all("the broker has not confirmed the request" in str(error) for error in unconfirmed)
        proxy.resume()


def test_an_unroutable_message_is_not_unknown() -> None:
    """The client relies on this: a returned message was certainly not accepted."""
    assert not Unroutable(312, "NO_ROUTE", "e", "k").unknown
