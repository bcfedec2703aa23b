"""A worker whose broker does not let it consume stops and says so, as it does when a queue has other arguments."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from leveret.amqp import ChannelClosed, Connection
from leveret.broker.granting import apply_users
from leveret.broker.users import BrokerUser, worker_permissions
from leveret.errors import WorkerStopped
from leveret.topology import Topology
from support.broker_users import Operator
from support.serving import Serve, until
from testbed.proxy import Proxy


@pytest.fixture
def unread(operator: Operator, topology: Topology) -> Iterator[str]:
    """The address of a user who may do all that a worker does, but for reading its queue."""
    name = f"{topology.prefix}-blind"
    may_not_read(operator, topology, name, "secret")
    yield operator.as_user(name, "secret")
    operator.management.remove_user(name)


def may_not_read(operator: Operator, topology: Topology, name: str, password: str | None = None) -> None:
    """Let a user do all that a worker does, but for reading its queue."""
    permissions = replace(worker_permissions(topology), read=f"^{re.escape(topology.exchange)}$")
    list(
        apply_users(
            operator.address, operator.administrator, operator.amqp.vhost, [BrokerUser(name, permissions, password)]
        )
    )


async def test_a_worker_that_may_not_read_its_queue_stops_with_the_brokers_words(
    operator: Operator, topology: Topology, unread: str, serve_as: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    connection = await Connection.open(operator.url)
    await topology.declare(await connection.channel())
    with pytest.raises(WorkerStopped) as stopped:
        async with serve_as(url=unread):
            pass
    await connection.close()
    assert str(stopped.value).startswith("test cannot work: channel closed: ACCESS_REFUSED")
    assert f"'{topology.requests}'" in str(stopped.value)
    assert stopped.value.__cause__ is not None
    assert isinstance(stopped.value.__cause__.__cause__, ChannelClosed)
    assert not [record for record in caplog.records if record.exc_info or "next try" in record.getMessage()]


async def test_a_worker_that_must_not_read_its_queue_any_more_stops_when_it_consumes_again(
    operator: Operator, topology: Topology, users: tuple[str, str], serve_as: Serve
) -> None:
    user = f"{topology.prefix}-worker"
    async with Proxy(operator.amqp.host, operator.amqp.port) as proxy:
        with pytest.raises(WorkerStopped, match="ACCESS_REFUSED") as stopped:  # noqa: PT012 -- it stops while it serves
            async with serve_as(url=proxy.proxied(users[1])) as worker:
                may_not_read(operator, topology, user)
                await proxy.cut()
                await until(lambda: not worker.consuming.is_set(), "the loss of the broker")
                await until(lambda: not running(), "the worker's end")
    assert f"'{topology.requests}'" in str(stopped.value)


def running() -> bool:
    """Whether a worker runs in this loop."""
    return any(getattr(task.get_coro(), "__qualname__", "") == "Worker.run" for task in asyncio.all_tasks())
