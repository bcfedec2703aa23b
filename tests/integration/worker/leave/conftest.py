"""A system with a broker that tests may change."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from leveret.api import Api
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from leveret.worker import Worker
from support.serving import Caller, calling, serving


@dataclass(frozen=True)
class PrivateSystem:
    """A broker that may be changed, a caller on it, and what a worker on it needs.

    Attributes:
        broker: the broker.
        caller: a caller; its topology is declared.
        database: URL of the worker's database.
        token: a token of user 7.
    """

    broker: DevBroker
    caller: Caller
    database: str
    token: str

    @property
    def topology(self) -> Topology:
        """The names at the broker."""
        return self.caller.topology

    def serving(self, api: Api, **how: Any) -> AbstractAsyncContextManager[Worker]:
        """Run a worker while the block runs; for further arguments, see `support.serving.serving`."""
        return serving(api, self.broker.url, self.topology, self.database, **how)


@pytest.fixture
async def system(lent_broker: DevBroker, topology: Topology, database: str, token: str) -> AsyncIterator[PrivateSystem]:
    async with calling(lent_broker.url, topology) as caller:
        yield PrivateSystem(lent_broker, caller, database, token)


@pytest.fixture
def lost(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Returns the log lines so far about connections that a worker has lost."""
    caplog.set_level(logging.INFO, "leveret.worker")
    return lambda: [text for text in caplog.messages if text.startswith("lost the broker")]
