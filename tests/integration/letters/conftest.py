from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from leveret.sql import create_engine
from leveret.topology import Topology
from support.notes import metadata, note_api
from support.redriving import Again
from support.serving import Broker, Caller, Serve, calling, keyring, quick, serving, sqlite_url


@pytest.fixture
def topology(prefix: str) -> Topology:
    return quick(prefix)


@pytest.fixture
def serve(broker: Broker, topology: Topology, tmp_path: Path) -> Serve:
    """Run a worker with the notes' actions: `async with serve(most=1) as worker`."""
    database = sqlite_url(tmp_path)
    engine = create_engine(database)
    metadata.create_all(engine)
    engine.dispose()
    return partial(serving, note_api(), broker.url, topology, database)


@pytest.fixture
def token() -> str:
    return keyring().issue("7", timedelta(hours=1))


@pytest.fixture
async def caller(broker: Broker, topology: Topology) -> AsyncIterator[Caller]:
    async with calling(broker.url, topology) as found:
        yield found


@pytest.fixture
def again(broker: Broker, topology: Topology) -> Again:
    return Again(broker.url, topology, note_api())
