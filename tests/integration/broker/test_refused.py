"""A caller's login at the broker is good for publishing requests, and for nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from leveret.amqp import Address, AmqpError, Channel, ChannelClosed, Connection, ConnectionLost, Message, Properties
from leveret.broker.connecting import BrokerTrouble
from leveret.broker.queues import report_queues
from leveret.topology import Topology
from support.attacks import OVER_HTTP, REFUSED, Attack, Attacker
from support.broker_users import Operator
from support.versions import PASSIVE_NEEDS_PERMISSION, version_of

REFUSALS = (403, 405, 406, 530, 540)
"""Reply codes of AMQP: access refused, locked, precondition failed, not allowed, not implemented."""


@pytest.fixture
async def owner(operator: Operator, topology: Topology) -> AsyncIterator[Channel]:
    """Everything is there: ours with a message in each queue, and somebody else's queue, exchange, and reply queue."""
    connection = await Connection.open(operator.url, name="owner")
    channel = await connection.channel(confirms=True)
    await topology.declare(channel)
    victim = f"{topology.prefix}.victim"
    await channel.declare_queue(victim)
    await channel.declare_exchange(victim)
    await channel.bind_queue(victim, victim, "k")
    for queue in (topology.requests, topology.dead_letters, victim):
        await channel.publish(Message(b"{}", queue, properties=Properties(delivery_mode=2), mandatory=True))
    yield channel
    await channel.delete_queue(victim)
    await channel.delete_exchange(victim)
    await connection.close()


@pytest.fixture
async def reply_queue(owner: Channel) -> str:
    return (await owner.declare_queue("", exclusive=True)).name


async def attacker(operator: Operator, url: str, topology: Topology, reply_queue: str) -> Attacker:
    connection = await Connection.open(url, name="attacker")
    channel = await connection.channel(confirms=True)
    victim = f"{topology.prefix}.victim"
    management = operator.management_url
    return Attacker(connection, channel, Address.parse(url), topology, management, victim, reply_queue)


async def depths(owner: Channel, topology: Topology) -> list[int]:
    queues = [topology.requests, *topology.retries, topology.dead_letters, f"{topology.prefix}.victim"]
    return [(await owner.declare_queue(queue, passive=True)).messages for queue in queues]


def declared(operator: Operator) -> dict[str, list[Any]]:
    """What is declared, and who may do what, without what belongs to the user's login itself."""
    kinds = ("users", "vhosts", "permissions", "parameters", "policies", "queues", "exchanges", "bindings")
    found = operator.definitions()
    return {kind: sorted(map(str, found[kind])) for kind in kinds}


async def got_through(mine: Attacker, attempt: Callable[[], Awaitable[object]]) -> str | None:
    """Try something, and close the connection; return what came of it unless the broker refused it for certain."""
    try:
        return repr(await attempt())
    except AmqpError as error:
        refused = not error.unknown or getattr(error, "reply_code", 0) in REFUSALS
        return None if refused else repr(error)
    finally:
        await mine.connection.close()


async def test_nothing_of_all_that_a_caller_might_try_gets_through(
    operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology
) -> None:
    assert len(REFUSED) >= 40
    before = await asyncio.to_thread(declared, operator)
    for name, attack in REFUSED.items():
        mine = await attacker(operator, users[0], topology, reply_queue)
        assert await got_through(mine, partial(attack, mine)) is None, name
    assert await depths(owner, topology) == [1, 0, 1, 1]
    assert (await owner.declare_queue(reply_queue, passive=True, exclusive=True)).messages == 0
    assert await asyncio.to_thread(declared, operator) == before


async def test_the_management_api_knows_a_caller_not(
    operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology
) -> None:
    mine = await attacker(operator, users[0], topology, reply_queue)
    before = await asyncio.to_thread(declared, operator)
    through = {}
    for name, (method, path, body) in OVER_HTTP.items():
        where = path.replace("LETTERS", topology.dead_letters).replace("MYSELF", mine.address.user)
        status = await asyncio.to_thread(mine.over_http, method, where, body)
        if status != 401:
            through[name] = status
    assert through == {}
    await mine.connection.close()
    assert await depths(owner, topology) == [1, 0, 1, 1]
    assert await asyncio.to_thread(declared, operator) == before


@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_further_routing_keys_reach_nothing_that_is_not_bound(
    header: str, operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology
) -> None:
    mine = await attacker(operator, users[0], topology, reply_queue)
    keys: list[Any] = [topology.dead_letters, *topology.retries, mine.victim, reply_queue, topology.requests]
    await mine.publish(topology.requests, topology.exchange, headers={header: keys})
    await mine.connection.close()
    assert await depths(owner, topology) == [2, 0, 1, 1]
    assert await owner.get(reply_queue) is None


async def test_an_expired_request_goes_to_the_letters_only_whatever_further_keys_it_has(
    operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology
) -> None:
    """The broker moves it by the default exchange, which knows every queue."""
    await owner.purge_queue(topology.requests)  # only the head of a queue expires
    mine = await attacker(operator, users[0], topology, reply_queue)
    keys: list[Any] = [mine.victim, *topology.retries, reply_queue, topology.requests]
    for header in ("CC", "BCC"):
        await mine.publish(topology.requests, topology.exchange, headers={header: keys}, expiration="1")
    async with asyncio.timeout(20):
        while (await depths(owner, topology))[2] != 3:  # noqa: ASYNC110 -- the queue is at the broker
            await asyncio.sleep(0.01)
    await mine.connection.close()
    assert await depths(owner, topology) == [0, 0, 3, 1]
    assert await owner.get(reply_queue) is None


async def test_priority_and_an_invented_history_change_nothing_at_the_broker(
    operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology
) -> None:
    mine = await attacker(operator, users[0], topology, reply_queue)
    history: list[Any] = [{"queue": topology.requests, "reason": "expired", "count": 9}]
    for properties in ({"priority": 255}, {"headers": {"x-death": history}}, {"headers": {"x-delivery-count": 10**9}}):
        await mine.publish(topology.requests, topology.exchange, **properties)
    await mine.connection.close()
    assert await depths(owner, topology) == [4, 0, 1, 1]


@pytest.mark.parametrize("queue", ["requests", "dead_letters"])
async def test_a_caller_may_learn_how_many_messages_wait_before_4_2_6_and_nothing_afterwards(
    operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology, queue: str
) -> None:
    """By a passive declaration, which changes nothing."""
    mine = await attacker(operator, users[0], topology, reply_queue)
    asked = mine.channel.declare_queue(getattr(topology, queue), passive=True)
    if version_of(mine.connection) < PASSIVE_NEEDS_PERMISSION:
        assert (await asked).messages == 1
    else:
        with pytest.raises(ChannelClosed) as refused:
            await asked
        assert refused.value.reply_code == 403
    await mine.connection.close()


async def test_a_worker_may_look_at_all_queues_and_a_caller_before_4_2_6_only(
    owner: Channel, users: tuple[str, str], topology: Topology
) -> None:
    assert [report.messages for report in await report_queues(users[1], topology)] == [1, 0, 1]
    connection = await Connection.open(users[0])
    version = version_of(connection)
    await connection.close()
    if version < PASSIVE_NEEDS_PERMISSION:
        assert [report.messages for report in await report_queues(users[0], topology)] == [1, 0, 1]
    else:
        with pytest.raises(BrokerTrouble, match=f"ACCESS_REFUSED.*{topology.requests}"):
            await report_queues(users[0], topology)


REPLY_QUEUE_TRICKS: dict[str, Callable[[Attacker, str], Awaitable[object]]] = {
    "bind it to requests": lambda a, own: a.channel.bind_queue(own, a.topology.exchange, a.topology.requests),
    "bind it to another's exchange": lambda a, own: a.channel.bind_queue(own, a.victim, "k"),
    "bind it to amq.rabbitmq.trace": lambda a, own: a.channel.bind_queue(own, "amq.rabbitmq.trace", "#"),
    "publish to it": lambda a, own: a.publish(own),
    "consume another's": lambda a, _: a.channel.consume(a.reply_queue, lambda _: None),
    "get from another's": lambda a, _: a.channel.get(a.reply_queue),
    "purge another's": lambda a, _: a.channel.purge_queue(a.reply_queue),
    "delete another's": lambda a, _: a.channel.delete_queue(a.reply_queue),
    "choose a name": lambda a, _: a.channel.declare_queue("amq.gen-mine", exclusive=True),
    "have it dead-letter to letters": lambda a, _: a.channel.declare_queue(
        "",
        exclusive=True,
        arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": a.topology.dead_letters},
    ),
    "have it dead-letter to another's exchange": lambda a, _: a.channel.declare_queue(
        "", exclusive=True, arguments={"x-dead-letter-exchange": a.victim}
    ),
    "declare an exchange of such a name": lambda a, _: a.channel.declare_exchange("amq.gen-mine"),
    "get a letter": lambda a, _: a.channel.get(a.topology.dead_letters),
}


async def test_a_caller_with_reply_queues_of_its_own_gets_no_further(
    operator: Operator, owner: Channel, reply_queue: str, topology: Topology
) -> None:
    with operator.users(topology, reply_queues=True) as (url, _):
        before = await asyncio.to_thread(declared, operator)
        for name, trick in REPLY_QUEUE_TRICKS.items():
            mine = await attacker(operator, url, topology, reply_queue)
            own = (await mine.channel.declare_queue("", exclusive=True)).name
            assert await got_through(mine, partial(trick, mine, own)) is None, name
        assert await depths(owner, topology) == [1, 0, 1, 1]
        assert await asyncio.to_thread(declared, operator) == before


async def test_a_worker_may_not_read_letters_nor_touch_what_is_not_ours(
    operator: Operator, owner: Channel, reply_queue: str, users: tuple[str, str], topology: Topology
) -> None:
    attacks: list[Attack] = [
        lambda a: a.channel.get(a.topology.dead_letters),
        lambda a: a.channel.purge_queue(a.topology.dead_letters),
        lambda a: a.channel.get(a.victim),
        lambda a: a.channel.delete_queue(a.victim),
        lambda a: a.channel.declare_queue("mine"),
        lambda a: a.channel.declare_exchange("mine"),
        lambda a: a.publish("k", a.victim),
        lambda a: a.channel.bind_queue(a.topology.requests, a.victim, "k"),
    ]
    for attack in attacks:
        mine = await attacker(operator, users[1], topology, reply_queue)
        with pytest.raises((ChannelClosed, ConnectionLost)) as refused:
            await attack(mine)
        assert getattr(refused.value, "reply_code", 0) == 403
        await mine.connection.close()
    assert await depths(owner, topology) == [1, 0, 1, 1]
