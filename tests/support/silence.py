"""A worker whose consumer is cancelled at the broker without a message to the worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pamqp import commands, frame

from leveret.amqp import Address
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.notes import note_api
from support.serving import LIMIT, Broker, serving
from testbed.proxy import Proxy


@asynccontextmanager
async def silently_cancelled(
    broker: Broker, topology: Topology, database: str, options: WorkerOptions
) -> AsyncIterator[None]:
    """Run a worker, and cancel its consumer, as if the worker had asked for that, as soon as it consumes."""
    port = Address.parse(broker.url).port
    async with Proxy("127.0.0.1", port) as proxy:
        url = broker.url.replace(f":{port}/", f":{proxy.port}/")
        async with asyncio.timeout(LIMIT), serving(note_api(), url, topology, database, options=options):
            proxy.inject_upstream(frame.marshal(commands.Basic.Cancel("c1.1", nowait=True), 1), connection=0)
            yield
