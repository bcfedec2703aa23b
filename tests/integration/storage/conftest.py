"""Stores and connections on a migrated database, on both engines."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from leveret.sql import SqlStore, create_engine
from taskmanager import usecases
from taskmanager.domain import NewUser, User

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def new_store(engine: sa.Engine) -> Iterator[Callable[[], SqlStore]]:
    """Makes stores, one for each thread of a test, and closes them."""
    stores: list[SqlStore] = []

    def make() -> SqlStore:
        stores.append(SqlStore(engine))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], SqlStore]) -> SqlStore:
    return new_store()


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction that is committed at the end, as a lane does it."""
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def owner(connection: sa.Connection) -> User:
    return usecases.register(connection, NewUser("owner@example.com", "Owner"), "hash", NOW)
