"""The two forms of the system: the same tests run over RabbitMQ and direct, each on a real HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from leveret.broker.queues import remove_topology
from support.gateways import HttpCaller, form_running, gateway_settings
from support.serving import Broker
from taskmanager.actions import app


@pytest.fixture
def changed() -> dict[str, object]:
    """Settings that a test wants."""
    return {}


@pytest.fixture(params=["direct", "rabbitmq"])
async def caller(
    request: pytest.FixtureRequest, tmp_path: Path, broker: Broker, prefix: str, changed: dict[str, object]
) -> AsyncIterator[HttpCaller]:
    """A caller without a token."""
    settings = replace(gateway_settings(tmp_path, broker.url, prefix), **changed)  # type: ignore[arg-type]  # any setting
    async with form_running(settings, request.param) as found:
        yield found
    if request.param == "rabbitmq":
        await remove_topology(broker.url, app.topology(settings))


@pytest.fixture
def user(caller: HttpCaller) -> HttpCaller:
    """A caller with a token."""
    return caller.as_known_user()
