"""Migrated databases on both engines; a PostgreSQL database is made once and emptied after each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.sql import create_engine
from support.postgres import PostgresServer
from taskmanager.storage import migration


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
            sa.text("TRUNCATE users, tasks, processed_requests, crash_journal, rate_windows, login_failures")
        )
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated and empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("clean_postgres"))
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    return url
