"""What a user may do is found out by trying, and nothing is changed by that."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from leveret.amqp import Connection, Message
from leveret.broker.declaring import declare
from leveret.broker.granting import apply_users
from leveret.broker.trying import try_rights
from leveret.broker.users import BrokerUser, Permissions, worker_permissions
from leveret.devbroker import DevBroker
from leveret.letters.index.reading import read_messages
from leveret.operate.doctor.broker.alarm import alarm
from leveret.operate.doctor.broker.permissions import permissions
from leveret.operate.doctor.broker.queues import copies, declared, workers
from leveret.operate.doctor.broker.reaching import reachable
from leveret.operate.doctor.broker.version import version
from leveret.topology import Topology
from support.broker_users import Operator
from support.installations import installation, only, states
from support.serving import remove
from taskmanager.actions import app
from taskmanager.settings import Settings


@pytest.fixture
def operator(broker: DevBroker) -> Operator:
    return Operator(broker.url, broker.management_url)


@pytest.fixture
def topology(prefix: str) -> Topology:
    return app.topology(Settings(queue_prefix=prefix, letters_size=2**30))


@pytest.fixture
async def there(broker: DevBroker, topology: Topology) -> AsyncIterator[Connection]:
    """The topology is declared, and one request waits."""
    connection = await Connection.open(broker.url)
    channel = await connection.channel(confirms=True)
    await declare(connection, topology)
    await channel.publish(Message(b"{}", topology.requests, mandatory=True))
    yield connection
    await remove(connection, topology)
    await connection.close()


def of_user(operator: Operator, topology: Topology, may: Permissions) -> str:
    (user,) = apply_users(
        operator.address, operator.administrator, "/", [BrokerUser(f"{topology.prefix}-worker", may, "hush-hush")]
    )
    return operator.as_user(user.name, "hush-hush")


@pytest.fixture
def as_user(operator: Operator, topology: Topology) -> Any:
    def make(may: Permissions) -> str:
        return of_user(operator, topology, may)

    yield make
    operator.management.remove_user(f"{topology.prefix}-worker")


async def test_a_workers_user_is_well_and_nothing_was_changed(
    there: Connection, as_user: Any, topology: Topology
) -> None:
    examined = installation(
        AMQP_URL=as_user(worker_permissions(topology)), QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="1024MiB"
    )
    for check in (reachable, permissions, declared, copies, alarm):
        assert states(await check(examined)) == ["ok"], check
    channel = await there.channel()
    message = await channel.get(topology.requests)
    assert message is not None
    assert (message.delivery.redelivered, message.message_count) == (False, 0)
    assert (message.delivery.properties.headers or {}).get("x-delivery-count", 0) == 0
    assert (await channel.declare_queue(topology.dead_letters, passive=True)).messages == 0
    assert [batch async for batch in read_messages(there, topology.letters_stream)] == []


RIGHTS = [
    ("configure", "api.direct"),
    ("configure", "api.requests"),
    ("configure", "api.requests.retry"),
    ("configure", "api.requests.dlq"),
    ("write", "amq.default"),
    ("write", "api.direct"),
    ("write", "api.requests"),
    ("read", "api.requests"),
]
FOR_COPIES = [
    ("configure", "api.letters"),
    ("configure", "api.requests.letters"),
    ("configure", "api.requests.status"),
    ("write", "api.letters"),
    ("write", "api.requests.dlq"),
    ("write", "api.requests.letters"),
    ("read", "api.letters"),
]


@pytest.mark.parametrize(("kind", "name"), [*RIGHTS, *FOR_COPIES])
async def test_a_permission_that_is_missing_is_named(
    there: Connection, as_user: Any, topology: Topology, kind: str, name: str
) -> None:
    optional = (kind, name) in FOR_COPIES
    name = name.replace("api.", f"{topology.prefix}.")
    whole = worker_permissions(topology)
    without = f"^(?!{re.escape(name)}$)({getattr(whole, kind).removeprefix('^').removesuffix('$')})$"
    url = as_user(replace(whole, **{kind: without}))
    connection = await Connection.open(url)
    rights = await try_rights(connection, topology)
    await connection.close()
    assert [(right.kind, right.name) for right in rights if right.allowed is False] == [(kind, name)]
    finding = only(
        await permissions(installation(AMQP_URL=url, QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="1024MiB"))
    )
    assert finding.state == ("warning" if optional else "wrong")
    assert f"may not {kind} {name}" in finding.text


async def test_what_is_not_there_cannot_be_tried_and_is_not_made(broker: DevBroker, topology: Topology) -> None:
    examined = installation(AMQP_URL=broker.url, QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="1024MiB")
    finding = only(await permissions(examined))
    assert finding.state == "unknown"
    assert f"{topology.prefix}.direct, {topology.prefix}.requests" in finding.text
    for _ in range(2):
        missing = only(await declared(examined))
        assert missing.state == "warning"
        assert f"{topology.prefix}.requests.dlq are not there" in missing.text
    assert states(await workers(examined)) == ["warning"]


@pytest.mark.parametrize(
    ("login", "vhost", "words", "advice"),
    [
        ("ada:hush-hush", "", "user or password is wrong", "authenticate_user"),
        ("", "nowhere", "the vhost 'nowhere' cannot be used", "add_vhost"),
    ],
)
async def test_a_wrong_password_and_a_missing_vhost_are_told_apart(
    broker: DevBroker, login: str, vhost: str, words: str, advice: str
) -> None:
    url = broker.url.replace("guest:guest", login or "guest:guest") + vhost
    finding = only(await reachable(installation(AMQP_URL=url)))
    assert finding.state == "wrong"
    assert words in finding.text
    assert advice in finding.advice
    assert "hush" not in finding.text + finding.advice


async def test_one_of_several_addresses_that_is_away_is_a_warning(broker: DevBroker, unused_tcp_port: int) -> None:
    url = f"{broker.url},amqp://guest:guest@127.0.0.1:{unused_tcp_port}/"
    assert states(await reachable(installation(AMQP_URL=url))) == ["ok", "warning"]


async def test_a_queue_with_other_arguments_is_named(broker: DevBroker, there: Connection, topology: Topology) -> None:
    examined = installation(
        AMQP_URL=broker.url, QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="1024MiB", QUEUE_LIMIT="7", RETRY_DELAY="7s"
    )
    found = await declared(examined)
    assert states(found) == ["wrong", "wrong"]
    assert "x-max-length is '1000000', wanted is '7'" in found[0].text
    assert "Or set TASKMANAGER_QUEUE_LIMIT" in found[0].advice
    assert "x-message-ttl is '5000', wanted is '7000'" in found[1].text


async def test_a_queue_that_is_older_than_the_streams_is_right(broker: DevBroker, topology: Topology) -> None:
    connection = await Connection.open(broker.url)
    await topology.declare(await connection.channel())
    examined = installation(AMQP_URL=broker.url, QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="1024MiB")
    try:
        assert states(await declared(examined)) == ["ok"]
        missing, older = await copies(examined)
        assert (missing.state, older.state) == ("warning", "warning")
        assert f"{topology.prefix}.letters, {topology.prefix}.requests.letters" in missing.text
        assert "is older than the streams" in older.text
        off = installation(AMQP_URL=broker.url, QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="off")
        assert states(await declared(off)) == states(await copies(off)) == ["ok"]
    finally:
        await remove(connection, topology)
        await connection.close()


async def test_requests_that_wait_without_a_worker_are_wrong(
    broker: DevBroker, there: Connection, topology: Topology
) -> None:
    channel = await there.channel(confirms=True)
    await channel.publish(Message(b"{}", topology.dead_letters, mandatory=True))
    none, letters = await workers(
        installation(AMQP_URL=broker.url, QUEUE_PREFIX=topology.prefix, LETTERS_STREAM="1024MiB")
    )
    assert (none.state, none.text) == ("wrong", "no worker takes requests, and 1 request waits")
    assert (letters.state, letters.text[:16]) == ("warning", "1 request given ")


async def test_the_brokers_version_is_told(broker: DevBroker) -> None:
    assert (await version(installation(AMQP_URL=broker.url)))[0].text.startswith("RabbitMQ ")
