"""Declaring a topology at brokers that are new, older than the streams, or not ours alone."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from leveret.amqp import Connection, InequivalentArguments
from leveret.broker.declaring import Declared, declare
from leveret.broker.granting import apply_users
from leveret.broker.users import BrokerUser, Permissions, worker_permissions
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from support.broker_users import Operator, calling_as
from support.serving import Serve, keyring


@pytest.fixture
async def topology(topology: Topology) -> Topology:
    return replace(topology, letters_size=2**26)


@pytest.fixture
async def connection(broker: DevBroker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url, name="declaring")
    yield connection
    await connection.close()


async def test_a_new_broker_gets_everything_and_declaring_again_changes_nothing(
    connection: Connection, topology: Topology
) -> None:
    for _ in range(2):
        assert await declare(connection, topology) == Declared(topology.letters_exchange, "", topology.letters_exchange)
    channel = await connection.channel()
    assert [(await channel.declare_queue(each.name, passive=True)).messages for each in topology.streams] == [0, 0]


async def test_a_queue_that_is_older_than_the_streams_stays_as_it_is(
    connection: Connection, topology: Topology
) -> None:
    await topology.declare(await connection.channel())
    assert await declare(connection, topology) == Declared(topology.letters_exchange, "", "")
    assert await declare(connection, replace(topology, letters_size=None)) == Declared("", "", "")


async def test_streams_can_be_switched_off_where_the_queue_knows_them(
    connection: Connection, topology: Topology
) -> None:
    await declare(connection, topology)
    assert await declare(connection, replace(topology, letters_size=None)) == Declared(
        "", "", topology.letters_exchange
    )


@pytest.mark.parametrize("older", [True, False])
async def test_another_difference_is_named_in_both_forms(
    connection: Connection, topology: Topology, *, older: bool
) -> None:
    if older:
        await topology.declare(await connection.channel())
    else:
        await declare(connection, topology)
    with pytest.raises(InequivalentArguments) as raised:
        await declare(connection, replace(topology, limit=7))
    assert (raised.value.name, raised.value.argument) == (topology.requests, "x-max-length")


async def test_a_stream_with_other_bounds_is_no_reason_not_to_work(connection: Connection, topology: Topology) -> None:
    await declare(connection, topology)
    declared = await declare(connection, replace(topology, letters_age=timedelta(days=1)))
    assert declared.letters == ""
    assert "x-max-age is" in declared.trouble
    assert "'topology users'" in declared.trouble


def before_streams(topology: Topology) -> Permissions:
    """Return what users were allowed before there were streams."""
    may, names = worker_permissions(topology), (topology.letters_exchange, *(each.name for each in topology.streams))

    def without(pattern: str) -> str:
        inside = pattern.removeprefix("^(").removesuffix(")$").split("|")
        return f"^({'|'.join(each for each in inside if each.replace(chr(92), '') not in names)})$"

    return Permissions(without(may.configure), without(may.write), without(may.read))


async def test_a_worker_whose_user_was_made_before_there_were_streams_works_and_says_what_it_lacks(
    operator: Operator, topology: Topology, serve_as: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{topology.prefix}-older"
    made = apply_users(
        operator.address,
        operator.administrator,
        operator.amqp.vhost,
        [BrokerUser(name, before_streams(topology))],
    )
    url = operator.as_user(name, next(made).password or "")
    try:
        async with serve_as(url=url, most=0), calling_as(operator.url, topology) as caller:
            token = keyring().issue("7", timedelta(hours=1))
            data = {"text": "x", "then": "after:temporary"}
            asked = {"id": "a", "version": "v1", "action": "write", "data": data, "auth": token}
            assert (await caller.ask(asked))["status"] == "error"
            assert len(await caller.letters(1)) == 1
    finally:
        operator.management.remove_user(name)
    said = [record.getMessage() for record in caplog.records if "not copied" in record.getMessage()]
    assert len(said) == 1
    assert "access to exchange" in said[0]
