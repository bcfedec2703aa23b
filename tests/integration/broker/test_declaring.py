"""Declaring a topology at brokers that are new, older than the streams, or not ours alone."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from leveret.amqp import Connection, InequivalentArguments, Message
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


def names(topology: Topology) -> tuple[str, ...]:
    return tuple(stream.name for stream in topology.streams)


@pytest.fixture
async def connection(broker: DevBroker) -> AsyncIterator[Connection]:
    connection = await Connection.open(broker.url, name="declaring")
    yield connection
    await connection.close()


async def test_a_new_broker_gets_everything_and_declaring_again_changes_nothing(
    connection: Connection, topology: Topology
) -> None:
    for _ in range(2):
        assert await declare(connection, topology) == Declared(topology.letters_exchange, names(topology))
    channel = await connection.channel()
    assert [(await channel.declare_queue(each.name, passive=True)).messages for each in topology.streams] == [0, 0]


async def test_a_queue_that_is_older_than_the_streams_stays_as_it_is(
    connection: Connection, topology: Topology
) -> None:
    await topology.declare(await connection.channel())
    assert await declare(connection, topology) == Declared("", names(topology))
    assert await declare(connection, replace(topology, letters_size=None)) == Declared("")


async def test_streams_can_be_switched_off_where_the_queue_knows_them(
    connection: Connection, topology: Topology
) -> None:
    await declare(connection, topology)
    assert await declare(connection, replace(topology, letters_size=None)) == Declared(topology.letters_exchange)


async def test_what_a_former_queue_moves_has_a_way_also_where_streams_are_off_and_the_dead_letters_are_new(
    connection: Connection, topology: Topology
) -> None:
    await declare(connection, topology)
    channel = await connection.channel(confirms=True)
    await channel.delete_queue(topology.dead_letters)
    await declare(connection, replace(topology, letters_size=None))
    await channel.publish(Message(b"a letter", "any", topology.letters_exchange, mandatory=True))
    assert await channel.purge_queue(topology.dead_letters) == 1


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


async def test_a_stream_with_other_bounds_is_used_as_it_is(connection: Connection, topology: Topology) -> None:
    await declare(connection, topology)
    other = replace(topology, letters_age=timedelta(days=1), letters_size=2**27)
    declared = await declare(connection, other)
    assert declared.streams == names(topology)
    (trouble,) = declared.troubles
    assert f"the stream {topology.letters_stream} is used as it is" in trouble
    for argument in ("x-max-age", "x-max-length-bytes", "x-stream-max-segment-size-bytes"):
        assert trouble.count(f"{argument} is ") == 1
    assert f"rabbitmqctl delete_queue {topology.letters_stream}" in trouble


async def test_a_stream_that_lacks_a_bound_is_not_used(connection: Connection, topology: Topology) -> None:
    await (await connection.channel()).declare_queue(topology.letters_stream, arguments={"x-queue-type": "stream"})
    declared = await declare(connection, topology)
    assert declared.streams == (topology.status_stream,)
    (trouble,) = declared.troubles
    assert f"the stream {topology.letters_stream} (" in trouble
    assert "delete it" in trouble


@pytest.mark.parametrize("which", [0, 1])
async def test_a_queue_in_the_place_of_a_stream_switches_off_that_one_alone(
    connection: Connection, topology: Topology, which: int
) -> None:
    taken, other = names(topology)[which], names(topology)[1 - which]
    await (await connection.channel()).declare_queue(taken, arguments={"x-queue-type": "quorum"})
    declared = await declare(connection, topology)
    assert declared.streams == (other,)
    assert declared.moved == topology.letters_exchange
    assert [f"the stream {taken} (" in trouble for trouble in declared.troubles] == [True]


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
    said = [text for text in caplog.messages if "'topology users'" in text]
    what = (topology.letters_exchange, *names(topology))
    assert [
        f"access to {kind} '{name}'" in text
        for kind, name, text in zip(("exchange", "queue", "queue"), what, said, strict=True)
    ] == [True] * 3
