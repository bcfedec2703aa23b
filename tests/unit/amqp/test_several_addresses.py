"""Several addresses, and a host name with several IP addresses: the next is tried when one fails or is silent."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
from pamqp import commands

from leveret.amqp import Address, AddressError, Addresses, AmqpError, ConnectFailed, Connection, ConnectTimedOut, Limits
from leveret.amqp.opening import open_first
from support.amqp_peer import Peer, Talk

QUICK = Limits(connect=60, next_address=0.05, close=1)
"""The next address has its turn after a twentieth of a second of silence."""

PATIENT = Limits(connect=60, next_address=60, close=1)
"""The next address has its turn only when one fails."""


async def greeting(talk: Talk) -> None:
    await talk.greet()
    await talk.hear_goodbye()


async def refusing(talk: Talk) -> None:
    await talk.start()
    talk.send(commands.Connection.Close(403, "ACCESS_REFUSED - no", 0, 0), channel=0)
    await talk.drain_until_gone_quietly()


@contextlib.contextmanager
def never_accepting() -> Iterator[str]:
    """A program that listens and never accepts: the system opens the connection, and then nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"amqp://127.0.0.1:{server.getsockname()[1]}/"


@contextlib.contextmanager
def swallowing() -> Iterator[str]:
    """A port whose queue is full: it drops the packets of further connections, as a firewall does."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)  # noqa: FBT003 - its only parameter, without a name
            client.connect_ex(server.getsockname())
        yield f"amqp://127.0.0.1:{server.getsockname()[1]}/"


@contextlib.contextmanager
def closed() -> Iterator[str]:
    """Return a port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"amqp://127.0.0.1:{bound.getsockname()[1]}/"


def from_first(*urls: str) -> Addresses:
    """Return these addresses in an order that begins with the first one."""
    return Addresses.parse(",".join(urls), chance=lambda: 0.0)


def test_several_addresses_are_read_with_commas_between() -> None:
    found = Addresses.parse("amqp://u:a%2Cb@one/v, amqps://two:7/v")
    assert found.members == (
        Address(host="one", user="u", password="a,b", vhost="v"),
        Address(host="two", port=7, tls=True, vhost="v"),
    )
    assert str(found) == repr(found) == "amqp://one:5672/v, amqps://two:7/v"
    assert found.vhost == "v"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("amqp://u:12,x@one", "address 2 of 2: an address begins with amqp://.* a comma is %2C"),
        ("amqp://one,", "address 2 of 2"),
        ("amqp://one,two", "address 2 of 2"),
        ("amqp://one/v,amqp://two/w", "different vhosts"),
        ("amqp://one:x,amqp://two", "address 1 of 2: the port"),
    ],
)
def test_what_is_wrong_with_one_of_several_is_told(text: str, says: str) -> None:
    with pytest.raises(AddressError, match=says):
        Addresses.parse(text)


@pytest.mark.parametrize(
    ("chance", "order"), [(0.0, "abc"), (0.3, "abc"), (0.34, "bca"), (0.67, "cab"), (0.999_999, "cab")]
)
def test_they_have_their_turn_from_a_random_one_on(chance: float, order: str) -> None:
    addresses = Addresses.parse("amqp://a,amqp://b,amqp://c", chance=lambda: chance)
    assert "".join(address.host for address in addresses.in_turn()) == order


@pytest.mark.parametrize("first", [never_accepting, swallowing, closed])
async def test_the_next_one_has_its_turn_when_the_first_fails_or_is_silent(
    first: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with first() as url:
        async with Peer.running(greeting) as peer:
            connection = await Connection.open(from_first(url, peer.url), limits=QUICK)
            assert connection.address.port == peer.port
            await connection.close()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"passed over: {url.rstrip('/')}")


async def test_a_node_that_refuses_the_password_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    async with Peer.running(refusing) as one, Peer.running(greeting) as two:
        connection = await Connection.open(from_first(one.url, two.url), limits=PATIENT)
        assert connection.address.port == two.port
        await connection.close()
    assert "user or password is wrong" in caplog.text


async def test_all_that_refuse_for_good_are_fatal_together() -> None:
    async with Peer.running(refusing) as one, Peer.running(refusing) as two:
        with pytest.raises(ConnectFailed, match=r"no address can be used: .*wrong.*; .*wrong") as caught:
            await Connection.open(from_first(one.url, two.url), limits=PATIENT)
    assert caught.value.fatal


async def test_one_that_may_come_back_keeps_hope() -> None:
    async with Peer.running(refusing) as one:
        with closed() as gone, pytest.raises(ConnectFailed, match="Is RabbitMQ running there") as caught:
            await Connection.open(from_first(one.url, gone), limits=PATIENT)
    assert not caught.value.fatal


async def test_a_slow_one_still_wins_when_the_others_fail() -> None:
    others_failed = asyncio.Event()

    async def slow(talk: Talk) -> None:
        await others_failed.wait()
        await greeting(talk)

    async def failing(talk: Talk) -> None:
        await refusing(talk)
        others_failed.set()

    async with Peer.running(slow) as one, Peer.running(failing) as two:
        connection = await Connection.open(from_first(one.url, two.url), limits=QUICK)
        assert connection.address.port == one.port
        await connection.close()


async def test_no_attempt_is_left_behind() -> None:
    """The scripts of the silent peers end only when their connections end, and leaving a peer waits for its scripts."""
    came: asyncio.Queue[Talk] = asyncio.Queue()

    async def silent(talk: Talk) -> None:
        came.put_nowait(talk)
        await talk.drain_until_gone_quietly()

    async with Peer.running(silent) as one, Peer.running(silent) as two, Peer.running(greeting) as three:
        connection = await Connection.open(from_first(one.url, two.url, three.url), limits=QUICK)
        await connection.close()
        opening = asyncio.create_task(Connection.open(from_first(one.url, two.url), limits=QUICK))
        async with asyncio.timeout(20):
            for _ in range(4):
                await came.get()
        opening.cancel()
        await asyncio.wait((opening,))
        assert (one.connections, two.connections) == (2, 2)


async def test_the_time_of_each_address_is_limited() -> None:
    limits = Limits(connect=0.1, next_address=0.05)
    with never_accepting() as one, never_accepting() as two:
        with pytest.raises(AmqpError, match=r"no connection in 0\.1 s.*; .*no connection in 0\.1 s"):
            await Connection.open(from_first(one, two), limits=limits)
        with pytest.raises(ConnectTimedOut):
            await Connection.open(from_first(one), limits=limits)


class Resolving(asyncio.SelectorEventLoop):
    """An event loop in which the host `several.test` has these IP addresses, in this order."""

    numbers = ("127.0.0.2", "127.0.0.3", "127.0.0.1")

    async def getaddrinfo(self, host: Any, port: Any, **how: Any) -> Any:
        """Look up the host, or return what the test says."""
        if host != "several.test":
            return await super().getaddrinfo(host, port, **how)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in self.numbers]


async def reach_by_name() -> None:
    async with Peer.running(greeting) as peer:
        with socket.create_server(
            ("127.0.0.2", peer.port)
        ):  # accepts connections and stays silent; 127.0.0.3 refuses them
            connection = await Connection.open(f"amqp://several.test:{peer.port}/", limits=QUICK)
            assert (connection.address.host, connection.address.number) == ("several.test", "127.0.0.1")
            again = await Connection.open(connection.address, limits=QUICK)
            assert peer.connections == 2
            await again.close()
            await connection.close()


def test_a_host_with_several_numbers_is_reached_at_one_that_answers() -> None:
    with asyncio.Runner(loop_factory=Resolving) as runner:
        runner.run(reach_by_name())


class Dropped:
    """A stand-in for a connection, which notes that it was dropped."""

    dropped = False

    def abort(self) -> None:
        """Drop it."""
        self.dropped = True


async def test_a_connection_that_was_won_is_dropped_when_nobody_waits_any_more() -> None:
    won, giving_up, free = Dropped(), asyncio.Event(), asyncio.Event()

    async def attempt(address: Address) -> Dropped:
        if address.host == "two":
            return won
        never: asyncio.Future[Dropped] = asyncio.get_running_loop().create_future()
        try:
            return await never
        finally:
            giving_up.set()
            await free.wait()

    both = Addresses.parse("amqp://one,amqp://two").members
    opening = asyncio.create_task(open_first(both, attempt, 0.01, log=logging.DEBUG))
    await giving_up.wait()
    opening.cancel()
    free.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert won.dropped


@contextlib.asynccontextmanager
async def two_peers() -> AsyncIterator[tuple[Peer, Peer]]:
    async with Peer.running(greeting) as one, Peer.running(greeting) as two:
        yield one, two


@pytest.mark.parametrize("chance", [0.0, 0.9])
async def test_chance_says_which_of_two_that_answer_is_used(chance: float) -> None:
    async with two_peers() as (one, two):
        addresses = Addresses.parse(f"{one.url},{two.url}", chance=partial(float, chance))
        connection = await Connection.open(addresses, limits=PATIENT)
        assert (one.connections, two.connections) == ((1, 0) if chance < 0.5 else (0, 1))
        await connection.close()
