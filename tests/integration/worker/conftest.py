from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from leveret.devbroker import DevBroker
from leveret.sql import create_engine
from leveret.topology import Topology
from support.lent_broker import LentBroker
from support.notes import metadata, note_api
from support.serving import Broker, Caller, Serve, calling, keyring, quick, serving, sqlite_url


@pytest.fixture(scope="package")
def lender() -> Iterator[LentBroker]:
    lender = LentBroker()
    yield lender
    lender.stop()


@pytest.fixture
def lent_broker(lender: LentBroker) -> Iterator[DevBroker]:
    """A RabbitMQ whose settings and policies a test may change; see `LentBroker`. Kill and restart a private one."""
    with lender.lent() as node:
        yield node


@pytest.fixture
def topology(prefix: str) -> Topology:
    return quick(prefix)


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of an SQLite file with leveret's tables and the notes."""
    url = sqlite_url(tmp_path)
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture
def token() -> str:
    return keyring().issue("7", timedelta(hours=1))


@pytest.fixture
def serve(broker: Broker, topology: Topology, database: str) -> Serve:
    """Run a worker with the notes' actions: `async with serve(most=1) as worker`."""
    return partial(serving, note_api(), broker.url, topology, database)


@pytest.fixture
async def caller(broker: Broker, topology: Topology) -> AsyncIterator[Caller]:
    async with calling(broker.url, topology) as found:
        yield found
