"""The plain REST form of an application: its actions run in this process, on the same database, without a broker.

A worker with everything that it does over RabbitMQ (checks, idempotency, one commit for a batch, retries) takes its
requests from a broker in memory. What waits there ends with the process: a caller who has no answer asks again with the
same key, as over RabbitMQ. Nobody lists the dead letters; each is an error in the log.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from leveret.application import Application
from leveret.application.surroundings import Surroundings
from leveret.client import Client
from leveret.devbroker.memory.broker import MemoryBroker
from leveret.errors import WorkerStopped
from leveret.process.clock import MACHINE
from leveret.settings import Settings
from leveret.web.gateway.passed_traces import PassedTraces
from leveret.web.gateway.upstream import BrokerUpstream
from leveret.worker import Worker

ADDRESS: Final = "amqp://memory"

_WAITING: Final = 10_000
"""Requests that may wait; with more, callers get 503."""


@asynccontextmanager
async def direct_upstream(app: Application[Any], settings: Settings) -> AsyncIterator[BrokerUpstream]:
    """Run the application's actions in this process while the block runs; what is in hand at its end is finished.

    Args:
        app: the application; all of its actions are registered.
        settings: its settings; the database is prepared already.

    Raises:
        SettingsError, ResourceError, NotClosed: as ``Application.worker``.
        WorkerStopped: the worker cannot go on and says why.
    """
    own = replace(
        settings, amqp_url=ADDRESS, letters_size=None, status_reports=False, queue_limit=_WAITING, watchdog=None
    )
    broker, name = MemoryBroker(MACHINE), f"{app.name} gateway {os.getpid()}"
    topology = app.topology(own)
    async with (
        app.worker(own, name, surroundings=Surroundings(connect=broker.connect)) as worker,
        _running(worker),
    ):
        upstream = BrokerUpstream(Client(ADDRESS, topology, name=name, connect=broker.connect, tracer=PassedTraces()))
        async with upstream.connected():
            yield upstream


@asynccontextmanager
async def _running(worker: Worker[Any]) -> AsyncIterator[None]:
    """Run a worker during a block, which begins when it consumes; then it finishes what it has in hand."""
    running, ready = asyncio.create_task(worker.run()), asyncio.create_task(worker.consuming.wait())
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if running.done():
        running.result()
        raise WorkerStopped("the worker has ended before it began")
    try:
        yield
    finally:
        worker.stop()
        await running
