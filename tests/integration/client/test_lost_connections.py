"""Calls whose connection is lost."""

import asyncio
import base64
import gc
import json
import logging
import secrets
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import pytest

from leveret.amqp import Delivery, Message
from leveret.client import BlockingClient, Client
from leveret.client.call import Call
from leveret.devbroker import DevBroker
from leveret.errors import NoAnswer, NotSent
from leveret.topology import Topology
from support.responder import LIMIT, echo, reply_to, request_of, responding, silent, until
from testbed.proxy import Proxy


class Management:
    """The broker's management API, with the user guest."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def do(self, method: str, path: str, body: object = None) -> object:
        return await asyncio.to_thread(self._do, method, path, body)

    def _do(self, method: str, path: str, body: object) -> object:
        request = urllib.request.Request(
            f"{self._url}api/{path}", method=method, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
        with urllib.request.urlopen(request, timeout=LIMIT) as response:
            content = response.read()
        return json.loads(content) if content else None

    async def close_connections(self, name: str) -> None:
        """Close the connections with that name, as soon as the API lists one."""
        async with asyncio.timeout(LIMIT):
            while not (found := await self._named(name)):  # noqa: ASYNC110 - the broker does not tell
                await asyncio.sleep(0.05)
        for connection in found:
            await self.do("DELETE", f"connections/{quote(connection)}")

    async def _named(self, name: str) -> list[str]:
        connections = await self.do("GET", "connections")
        assert isinstance(connections, list)
        return [
            each["name"] for each in connections if each.get("client_properties", {}).get("connection_name") == name
        ]

    @asynccontextmanager
    async def user(self, name: str) -> AsyncIterator[None]:
        """Make a user with all permissions and the password `secret`."""
        await self.do("PUT", f"users/{name}", {"password": "secret", "tags": ""})
        await self.do("PUT", f"permissions/%2F/{name}", {"configure": ".*", "write": ".*", "read": ".*"})
        try:
            yield
        finally:
            await self.do("DELETE", f"users/{name}")


@pytest.fixture
def management(broker: DevBroker) -> Management:
    assert broker.management_url is not None
    return Management(broker.management_url)


async def test_a_call_in_flight_is_asked_again_with_the_same_id_when_the_connection_is_lost(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, silent) as worker:
        calls = [asyncio.create_task(client.call("x", {"n": n}, id=f"i-{n}", timeout=LIMIT)) for n in range(10)]
        await worker.came(10)
        worker.answer = echo
        await proxy.cut()
        assert await asyncio.gather(*calls) == [{"n": n} for n in range(10)]
    first, again = worker.requests[:10], worker.requests[10:]
    assert sorted(delivery.body for delivery in first) == sorted(delivery.body for delivery in again)
    assert {(d.properties.headers or {})["x-deadline"] for d in first} >= {
        (d.properties.headers or {})["x-deadline"] for d in again
    }


async def test_a_connection_that_the_broker_closes_is_made_again(
    url: str, topology: Topology, prefix: str, management: Management
) -> None:
    async with Client(url, topology=topology, name=prefix) as client, responding(url, topology, silent) as worker:
        call = asyncio.create_task(client.call("x", {"n": 1}, timeout=LIMIT))
        await worker.came(1)
        worker.answer = echo
        await management.close_connections(prefix)
        assert await call == {"n": 1}
    assert len(worker.requests) == 2


async def test_a_client_that_shall_fail_lost_calls_fails_them_at_once_and_goes_on(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with (
        Client(proxied, topology=topology, on_lost="fail") as client,
        responding(url, topology, silent) as worker,
    ):
        call = asyncio.create_task(client.call("x", id="i-1", timeout=1000))
        await worker.came(1)
        worker.answer = echo
        await proxy.cut()
        with pytest.raises(NoAnswer, match=r"v1\.x i-1 has no reply any more: .*connection lost") as caught:
            await asyncio.wait_for(call, LIMIT)
        assert "Ask again with the same id" in str(caught.value)
        assert await client.call("x", {"n": 2}, id="i-1", timeout=LIMIT) == {"n": 2}


async def test_a_call_without_a_connection_waits_for_one(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, echo):
        await proxy.refuse()
        await until(lambda: client.trouble, "the loss to be seen")
        call = asyncio.create_task(client.call("x", {"n": 1}, timeout=LIMIT))
        await asyncio.sleep(0)
        assert client.in_flight == 1
        await proxy.listen()
        assert await call == {"n": 1}


async def test_a_call_that_finds_no_connection_in_its_time_was_certainly_not_sent(
    topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client:
        await proxy.refuse()
        await until(lambda: client.trouble, "the loss to be seen")
        with pytest.raises(
            NotSent, match=r"v1\.x i-1 was not sent within 0\.3 s; there is no connection to the broker"
        ):
            await client.call("x", id="i-1", timeout=0.3)


async def test_calls_given_up_during_an_outage_are_not_kept(topology: Topology, proxied: str, proxy: Proxy) -> None:
    async with Client(proxied, topology=topology) as client:
        await proxy.refuse()
        await until(lambda: client.trouble, "the loss to be seen")
        for _ in range(30):
            found = await asyncio.gather(*(client.call("x", timeout=0.001) for _ in range(100)), return_exceptions=True)
            assert {type(error) for error in found} == {NotSent}
        del found
        gc.collect()  # calls of earlier tests
        kept = sum(isinstance(thing, Call) for thing in gc.get_objects())
        assert kept < 1500


async def test_a_call_lost_with_its_connection_and_never_asked_again_may_have_been_executed(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, silent) as worker:
        call = asyncio.create_task(client.call("x", id="i-1", timeout=1))
        await worker.came(1)
        await proxy.refuse()
        with pytest.raises(NoAnswer, match=r"v1\.x i-1 has no reply within 1 s.*there is no connection"):
            await call


async def test_a_request_whose_confirm_is_lost_is_asked_again(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, echo) as worker:
        assert await client.call("warm up") == {}
        proxy.pause()
        sent = asyncio.create_task(client.send("x", {"n": 1}, id="i-1", timeout=LIMIT))
        await proxy.held()
        await proxy.cut()
        proxy.resume()
        assert await sent == "i-1"
        await worker.came(2)
    assert request_of(worker.requests[1])["data"] == {"n": 1}


async def test_a_late_reply_over_a_new_connection_reaches_nobody_twice(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    async with Client(proxied, topology=topology) as client, responding(url, topology, silent) as worker:
        call = asyncio.create_task(client.call("x", {"n": 1}, timeout=LIMIT))
        await worker.came(1)
        await proxy.cut()
        first, second = (await worker.came(2))[:2]
        worker.publish(reply_to(first), reply_to(second))
        assert await call == {"n": 1}
        worker.answer = echo
        assert await client.call("y") == {}
        assert client.unknown_replies == 0  # the first one's address died with the first connection


async def test_what_trying_again_cannot_help_fails_all_calls_at_once(
    url: str, topology: Topology, management: Management, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "leveret")
    name = f"u{secrets.token_hex(4)}"
    parts = urlsplit(url)
    theirs = parts._replace(netloc=f"{name}:secret@{parts.hostname}:{parts.port}").geturl()
    async with responding(url, topology, silent) as worker:
        async with management.user(name):
            client = await Client(theirs, topology=topology, name=name).connect()
            call = asyncio.create_task(client.call("x", id="i-1", timeout=1000))
            await worker.came(1)
            await management.do("PUT", f"users/{name}", {"password": "changed", "tags": ""})
            await management.close_connections(name)
            with pytest.raises(NoAnswer, match=r"v1\.x i-1 has no reply and will have none"):
                await asyncio.wait_for(call, LIMIT)
        with pytest.raises(NotSent, match=r"v1\.x i-2 was not sent: .*refused"):
            await client.call("x", id="i-2", timeout=1000)
        await client.close()


async def test_a_client_without_permission_says_so_at_once(
    url: str, topology: Topology, management: Management
) -> None:
    name = f"u{secrets.token_hex(4)}"
    parts = urlsplit(url)
    theirs = parts._replace(netloc=f"{name}:secret@{parts.hostname}:{parts.port}").geturl()
    async with management.user(name):
        await management.do("PUT", f"permissions/%2F/{name}", {"configure": "", "write": "", "read": ""})
        async with Client(theirs, topology=topology) as client:
            with pytest.raises(NotSent, match=r"(?i)v1\.x i-1 was not sent: .*access.*refused"):
                await client.call("x", id="i-1", timeout=LIMIT)


OF_ONE_ATTEMPT = ["deadline_exceeded", "rate_limited", "overloaded", "unauthenticated"]
"""Refusals that say nothing of an earlier attempt of the same id."""


@pytest.mark.parametrize("code", [*OF_ONE_ATTEMPT, "not_found"])
@pytest.mark.parametrize("lost", [True, False])
async def test_a_refusal_of_the_second_attempt_says_nothing_of_the_first(
    url: str, topology: Topology, proxied: str, proxy: Proxy, code: str, *, lost: bool
) -> None:
    def refuse(delivery: Delivery) -> list[Message]:
        return [reply_to(delivery, status="error", data=None, error="no", code=code)]

    async with Client(proxied, topology=topology) as client, responding(url, topology, silent) as worker:
        worker.answer = silent if lost else refuse
        call = asyncio.create_task(client.ask("x", id="i-1", timeout=LIMIT))
        await worker.came(1)
        if lost:
            worker.answer = refuse
            await proxy.cut()
        if not lost or code not in OF_ONE_ATTEMPT:
            assert (await call).reply.code == code
            return
        with pytest.raises(NoAnswer) as caught:
            await call
    assert str(caught.value) == (
        f"v1.x i-1 was refused when it was asked again, {code}: no. An earlier attempt may have been executed. "
        "Ask again with the same id"
    )


async def test_a_blocking_client_does_not_take_a_refusal_of_the_second_attempt_for_the_first_either(
    url: str, topology: Topology, proxied: str, proxy: Proxy
) -> None:
    def refuse(delivery: Delivery) -> list[Message]:
        return [reply_to(delivery, status="error", data=None, error="no", code="rate_limited")]

    def call() -> object:
        with BlockingClient(proxied, topology=topology) as client:
            return client.call("x", id="i-1", timeout=LIMIT)

    async with responding(url, topology, silent) as worker:
        calling = asyncio.create_task(asyncio.to_thread(call))
        await worker.came(1)
        worker.answer = refuse
        await proxy.cut()
        with pytest.raises(NoAnswer, match="An earlier attempt may have been executed"):
            await calling
