"""The tests' own PostgreSQL: a test that counts on its durability, its faults or its emptiness may do so."""

import signal
from pathlib import Path

import psycopg
import pytest

from testbed.postgres import PostgresServer, PrivatePostgres
from testbed.waiting import wait_until_gone


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5)


def test_a_database_is_empty_and_gone_after_use(postgres: PostgresServer) -> None:
    with postgres.database() as url, connect(url) as connection:
        count = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert count == (0,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(url)


def test_a_database_is_dropped_although_somebody_still_uses_it(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        connection = connect(url)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


def test_what_was_committed_survives_a_crash_of_the_cluster(private_postgres: PrivatePostgres) -> None:
    with connect(private_postgres.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    private_postgres.stop(signal.SIGQUIT)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        connect(private_postgres.url)
    private_postgres.start()
    with connect(private_postgres.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_nothing_is_left_of_a_removed_cluster() -> None:
    with PrivatePostgres() as cluster:
        pid, folder = cluster.pid, cluster.folder
        assert Path(folder / "data").is_dir()
    wait_until_gone([pid])
    assert not folder.exists()
