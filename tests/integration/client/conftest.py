"""A new topology for each test, and a client on it."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from leveret.client import Client
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from support.responder import declared
from testbed.proxy import Proxy


@pytest.fixture
def url(broker: DevBroker) -> str:
    return broker.url


@pytest.fixture
async def topology(url: str, prefix: str) -> AsyncIterator[Topology]:
    async with declared(url, Topology(prefix)) as topology:
        yield topology


@pytest.fixture
async def client(url: str, topology: Topology) -> AsyncIterator[Client]:
    async with Client(url, topology=topology) as client:
        yield client


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[Proxy]:
    parts = urlsplit(url)
    async with Proxy(parts.hostname or "127.0.0.1", parts.port or 5672) as proxy:
        yield proxy


@pytest.fixture
def proxied(url: str, proxy: Proxy) -> str:
    """Return the broker's address through the proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()
