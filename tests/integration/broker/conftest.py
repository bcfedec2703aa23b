from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from leveret.amqp import Connection
from leveret.devbroker import DevBroker
from leveret.sql import create_engine
from leveret.topology import Topology
from support.broker_users import Operator
from support.notes import metadata, note_api
from support.serving import Serve, quick, remove, serving, sqlite_url


@pytest.fixture
def operator(broker: DevBroker) -> Operator:
    return Operator(broker.url, broker.management_url)


@pytest.fixture
async def topology(broker: DevBroker, prefix: str) -> AsyncIterator[Topology]:
    """Names only: nothing is declared, all is removed."""
    topology = quick(prefix)
    yield topology
    connection = await Connection.open(broker.url)
    await remove(connection, replace(topology, letters_size=2**26))
    await connection.close()


@pytest.fixture
def users(operator: Operator, topology: Topology) -> Iterator[tuple[str, str]]:
    """The addresses of a caller and a worker."""
    with operator.users(topology) as addresses:
        yield addresses


@pytest.fixture
def serve_as(topology: Topology, tmp_path: Path) -> Serve:
    """Run a worker with the notes' actions: `async with serve_as(url) as worker`."""
    database = sqlite_url(tmp_path)
    engine = create_engine(database)
    metadata.create_all(engine)
    engine.dispose()
    return partial(serving, note_api(), topology=topology, database=database)
