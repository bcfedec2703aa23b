"""The client for scripts, used from threads without an event loop."""

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from leveret.amqp import Delivery, Message
from leveret.client.blocking import BlockingClient
from leveret.client.loop_thread import LoopThread
from leveret.devbroker import DevBroker
from leveret.errors import NoAnswer, NotFound, NotSent
from leveret.topology import Topology
from support.responder import LIMIT, Responder, declared, echo, reply_to, responding, silent
from testbed.proxy import Proxy

HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"


class Site:
    """A topology with a responder, and a proxy in front of the broker, in an event loop in a thread."""

    def __init__(self, loop: LoopThread, url: str, topology: Topology) -> None:
        self.topology = topology
        self._loop, self._url = loop, url
        self._stack = AsyncExitStack()
        self.responder: Responder
        self.proxy: Proxy

    def enter(self) -> None:
        self._loop.run(self._enter)

    def leave(self) -> None:
        self._loop.run(self._stack.aclose)

    async def _enter(self) -> None:
        parts = urlsplit(self._url)
        await self._stack.enter_async_context(declared(self._url, self.topology))
        self.responder = await self._stack.enter_async_context(responding(self._url, self.topology, echo))
        self.proxy = await self._stack.enter_async_context(Proxy(parts.hostname or "", parts.port or 5672))

    def proxied(self, options: str = "") -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.proxy.port}/{options}"

    def requests(self, count: int) -> list[Delivery]:
        return self._loop.run(lambda: self.responder.came(count))

    def sent(self, more: int) -> None:
        self._loop.run(lambda: self.proxy.sent(self.proxy.to_server + more))

    def refuse(self) -> None:
        self._loop.run(self.proxy.refuse)

    def cut(self) -> None:
        self._loop.run(self.proxy.cut)


@pytest.fixture
def site(broker: DevBroker, prefix: str) -> Iterator[Site]:
    loop = LoopThread("site")
    site = Site(loop, broker.url, Topology(prefix))
    try:
        site.enter()
        yield site
        site.leave()
    finally:
        loop.stop()


def when_asked(site: Site, act: Callable[[], None]) -> Callable[[Delivery], list[Message]]:
    """Return an answer for a responder that acts once, and sends no reply."""

    def answer(_delivery: Delivery) -> list[Message]:
        site.responder.answer = echo
        act()
        return []

    return answer


def test_a_script_calls_asks_and_sends(site: Site, broker: DevBroker) -> None:
    with BlockingClient(broker.url, topology=site.topology) as client:
        assert client.call("x", {"n": 1}, version="v2") == {"n": 1}
        received = client.ask("y", {"n": 2}, id="i-1")
        assert (received.reply.status, received.reply.data, received.reply.correlation_id) == ("ok", {"n": 2}, "i-1")
        assert client.send("z", id="i-2") == "i-2"
        site.requests(3)


def test_an_error_response_is_raised_in_the_thread_that_called(site: Site, broker: DevBroker) -> None:
    site.responder.answer = lambda delivery: [
        reply_to(delivery, status="error", error="Task not found", code="not_found")
    ]
    with BlockingClient(broker.url, topology=site.topology) as client, pytest.raises(NotFound, match="Task not found"):
        client.call("x")


def test_threads_share_one_client_and_each_gets_its_own_replies(site: Site) -> None:
    def work(name: int) -> list[object]:
        return [client.call("x", {"from": name, "n": n}) for n in range(50)]

    with BlockingClient(site.proxied(), topology=site.topology) as client, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(work, range(4)))
        assert found == [[{"from": name, "n": n} for n in range(50)] for name in range(4)]
        assert site.proxy.connections == 1


def test_heartbeats_go_on_between_calls(site: Site) -> None:
    with BlockingClient(site.proxied("?heartbeat=1"), topology=site.topology) as client:
        client.call("x")
        site.sent(3 * len(HEARTBEAT))  # no call is in flight, so only heartbeats are sent now
        assert client.call("x", {"n": 1}) == {"n": 1}
        assert site.proxy.connections == 1


def test_a_connection_lost_between_calls_is_made_again(site: Site) -> None:
    with BlockingClient(site.proxied(), topology=site.topology) as client:
        client.call("x")
        site.cut()
        assert client.call("x", {"n": 1}, timeout=LIMIT) == {"n": 1}


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C. A shell lets its background processes ignore it, and these tests may be one of them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield _thread.interrupt_main
    signal.signal(signal.SIGINT, before)


def test_a_call_given_up_with_ctrl_c_leaves_the_client_usable(
    site: Site, broker: DevBroker, ctrl_c: Callable[[], None]
) -> None:
    site.responder.answer = when_asked(site, ctrl_c)
    with BlockingClient(broker.url, topology=site.topology) as client:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            client.call("x", id="i-1", timeout=LIMIT)
        assert time.monotonic() - began < LIMIT / 2
        assert client.call("y", {"n": 1}, id="i-1") == {"n": 1}  # its id is free again, because no call is in flight


def test_closing_in_one_thread_ends_the_calls_of_the_others(site: Site, broker: DevBroker) -> None:
    site.responder.answer = silent
    client = BlockingClient(broker.url, topology=site.topology).connect()
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(client.call, "x", timeout=1000) for _ in range(3)]
        site.requests(3)
        client.close()
        for call in calls:
            with pytest.raises(NoAnswer, match="before the client was closed"):
                call.result(LIMIT)


def test_a_blocking_client_that_is_not_connected_or_closed_says_so(site: Site, broker: DevBroker) -> None:
    client = BlockingClient(broker.url, topology=site.topology, name="script of a test")
    with pytest.raises(NotSent, match="not connected"):
        client.call("x")
    client.connect()
    assert "script of a test" in [thread.name for thread in threading.enumerate()]
    with pytest.raises(RuntimeError, match="connected already"):
        client.connect()
    client.close()
    client.close()
    with pytest.raises(NotSent, match="not connected"):
        client.call("x")
    assert "script of a test" not in [thread.name for thread in threading.enumerate()]
    with client:
        assert client.call("x", {"n": 1}) == {"n": 1}


def test_nobody_there_ends_the_thread_that_was_made(site: Site) -> None:
    site.refuse()
    with pytest.raises(NotSent, match="No connection to the broker"):
        BlockingClient(site.proxied(), name="never connected").connect()
    assert "never connected" not in [thread.name for thread in threading.enumerate()]


def test_an_address_that_is_none_is_the_callers_error() -> None:
    with pytest.raises(ValueError, match="amqp"):
        BlockingClient("http://localhost")
