"""The contract of the test client: each test here runs on the broker in memory, and on a RabbitMQ."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from leveret.testing import AsyncTestClient, TestClient
from support.serving import Broker
from support.tested import SECRET, Cut, Gate, Opening, make_app
from testbed.proxy import Proxy

Kind = Literal["memory", "rabbitmq"]


@pytest.fixture(params=["memory", "rabbitmq"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def proxy(kind: Kind, request: pytest.FixtureRequest) -> AsyncIterator[Proxy | None]:
    """A proxy before the RabbitMQ, which can cut connections; None in memory."""
    if kind == "memory":
        yield None
        return
    broker: Broker = request.getfixturevalue("broker")
    parts = urlsplit(broker.url)
    async with Proxy(parts.hostname or "", parts.port or 0) as found:
        yield found


@pytest.fixture
def address(kind: Kind, proxy: Proxy | None, request: pytest.FixtureRequest) -> str | None:
    """The address of the RabbitMQ; None for the broker in memory."""
    return None if proxy is None else proxy.proxied(request.getfixturevalue("broker").url)


@pytest.fixture
def opening(address: str | None, gate: Gate) -> Opening:
    @asynccontextmanager
    async def open_client(*, raise_errors: bool = False, **settings: Any) -> AsyncIterator[AsyncTestClient]:
        usual = {"RETRY_DELAY": "200ms,400ms", "MAX_RETRIES": 3, "JWT_SECRET": SECRET.decode()}
        door = TestClient(
            make_app(gate),
            settings={**usual, **settings},
            raise_errors=raise_errors,
            broker=address,
        )
        async with door as client:
            yield client

    return open_client


@pytest.fixture
async def client(opening: Opening) -> AsyncIterator[AsyncTestClient]:
    """A client without a token."""
    async with opening() as found:
        yield found


@pytest.fixture
def user(client: AsyncTestClient) -> AsyncTestClient:
    """The same client, with the token of user 7."""
    return client.as_user("7")


@pytest.fixture
def cut(proxy: Proxy | None) -> Cut:
    """Ends all connections, as the loss of a network does."""

    async def cut_all(client: AsyncTestClient) -> None:
        if proxy is None:
            await client.cut_connections()
        else:
            await proxy.cut()

    return cut_all
