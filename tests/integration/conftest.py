"""Migrated databases on both engines, and stores on them; a PostgreSQL database is emptied after each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.sql import Store, create_engine
from support import migration
from support.jobs import NOW
from taskmanager import usecases
from taskmanager.domain import NewUser, User
from testbed.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table, once on SQLite and once on PostgreSQL; the file does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty%20 100%.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def another_empty_url(empty_url: str, postgres: PostgresServer, tmp_path: Path) -> Iterator[str]:
    """A second database of the same kind, to compare with."""
    if empty_url.startswith("sqlite:"):
        yield f"sqlite:///{tmp_path / 'another.db'}"
        return
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as url:
        migration.upgrade(url)
        yield url


@pytest.fixture
def clean_postgres(migrated_postgres: str) -> Iterator[str]:
    yield migrated_postgres
    engine = create_engine(migrated_postgres)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "TRUNCATE users, tasks, processed_requests, crash_journal, rate_windows, login_failures, leveret_events"
            )
        )
    engine.dispose()


@pytest.fixture
def clean_store(clean_postgres: str) -> Iterator[tuple[sa.Engine, Store]]:
    """A store on an empty PostgreSQL database, and its engine."""
    engine = create_engine(clean_postgres)
    store = Store(engine)
    yield engine, store
    store.close()
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated and empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("clean_postgres"))
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def new_store(engine: sa.Engine) -> Iterator[Callable[[], Store]]:
    """Makes stores, one for each thread of a test, and closes them."""
    stores: list[Store] = []

    def make() -> Store:
        stores.append(Store(engine))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction that is committed at the end, as a lane does it."""
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def owner(connection: sa.Connection) -> User:
    return usecases.register(connection, NewUser("owner@example.com", "Owner"), "hash", NOW)
