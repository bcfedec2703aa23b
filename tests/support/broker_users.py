"""Users of the broker for tests: a caller and a worker with their permissions, made as an operator makes them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from leveret.amqp import Address, Connection
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.broker.granting import apply_users
from leveret.broker.management import Administrator, Management, ManagementAddress
from leveret.broker.users import BrokerUser, caller_permissions, worker_permissions
from leveret.topology import Topology
from support.serving import Caller, into


class Operator:
    """An administrator of the tests' broker."""

    def __init__(self, url: str, management_url: str | None) -> None:
        assert management_url, "this needs the management API: set TASKMANAGER_TEST_MANAGEMENT_URL"
        self.url = url
        self.management_url = management_url
        self.amqp = Address.parse(url)
        self.address = ManagementAddress.parse(management_url)
        self.administrator = Administrator(self.amqp.user, self.amqp.password)
        self.management = Management(self.address, self.administrator)

    def as_user(self, name: str, password: str) -> str:
        """Return the broker's address with a user's login."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=f"{name}:{password}@{self.amqp.host}:{self.amqp.port}").geturl()

    def definitions(self) -> dict[str, Any]:
        """Return everything that is declared at the broker, including its users."""
        words = base64.b64encode(f"{self.administrator.user}:{self.administrator.password}".encode()).decode()
        connection = HTTPConnection(self.address.host, self.address.port, timeout=10)
        try:
            connection.request("GET", "/api/definitions", headers={"Authorization": f"Basic {words}"})
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    @contextmanager
    def users(self, topology: Topology, *, reply_queues: bool = False) -> Iterator[tuple[str, str]]:
        """Make a caller and a worker, yield the broker's address for each, and remove both at the end."""
        names = f"{topology.prefix}-caller", f"{topology.prefix}-worker"
        wanted = [
            BrokerUser(names[0], caller_permissions(topology, reply_queues=reply_queues)),
            BrokerUser(names[1], worker_permissions(topology)),
        ]
        try:
            made = list(apply_users(self.address, self.administrator, self.amqp.vhost, wanted))
            caller, worker = (self.as_user(user.name, user.password or "") for user in made)
            yield caller, worker
        finally:
            for name in names:
                self.management.remove_user(name)


@asynccontextmanager
async def calling_as(url: str, topology: Topology) -> AsyncIterator[Caller]:
    """Make a caller that declares nothing."""
    connection = await Connection.open(url, name="test caller")
    try:
        caller = Caller(connection, await connection.channel(confirms=True), topology)
        await caller.channel.consume(DIRECT_REPLY_TO, into(caller.replies), no_ack=True)
        yield caller
    finally:
        await connection.close()
