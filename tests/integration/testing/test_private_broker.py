"""A private RabbitMQ node as users' own tests have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leveret.amqp import Connection, Message, Properties
from leveret.devbroker import answers
from leveret.testing import Broker, BrokerFailed
from leveret.testing.broker import shared_broker


async def put(broker: Broker, body: bytes) -> None:
    """Keep a message in a durable queue."""
    connection = await Connection.open(broker.url)
    channel = await connection.channel(confirms=True)
    await channel.declare_queue("kept")
    await channel.publish(Message(body, "kept", properties=Properties(delivery_mode=2), mandatory=True))
    await connection.close()


async def taken(broker: Broker) -> bytes | None:
    connection = await Connection.open(broker.url)
    try:
        found = await (await connection.channel()).get("kept", no_ack=True)
        return found.delivery.body if found else None
    finally:
        await connection.close()


async def test_a_node_in_a_folder_keeps_what_is_durable_and_its_address(tmp_path: Path) -> None:
    with Broker(tmp_path / "node") as broker:
        address = broker.url
        await put(broker, b"hello")
        assert broker.management_url is None
        with pytest.raises(BrokerFailed, match="started already"):
            broker.start()
    assert not answers(address, limit=1.0)
    with Broker(tmp_path / "node") as again:
        assert again.url == address
        assert await taken(again) == b"hello"


async def test_a_node_without_a_folder_is_new_survives_a_restart_and_leaves_nothing() -> None:
    with Broker() as broker:
        await put(broker, b"hello")
        folder = broker._node.folder
        broker.restart()
        assert await taken(broker) == b"hello"
    assert not folder.exists()
    broker.stop()
    assert not answers(broker.url, limit=1.0)


def test_a_shared_node_that_could_not_be_started_is_not_tried_again() -> None:
    class Broken(Broker):
        starts = 0

        def start(self) -> None:
            Broken.starts += 1
            raise BrokerFailed("it did not answer")

    for _ in range(2):
        with pytest.raises(BrokerFailed, match="it did not answer"):
            shared_broker(Broken)
    assert Broken.starts == 1
