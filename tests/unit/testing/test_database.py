"""The database of a test: in memory, shared by its connections, on the test's clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from leveret.errors import StorageUnavailable
from leveret.sql.engine import create_memory_engine
from leveret.testing.database import given_database, memory_database, moved_clock

MOMENT = datetime(2033, 5, 18, 3, 33, 20, 250_000, UTC)


def test_all_connections_and_threads_share_it_and_another_one_is_apart() -> None:
    with memory_database() as engine, memory_database() as other:
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        found: list[int] = []

        def look() -> None:
            with engine.connect() as connection:
                found.append(connection.execute(sa.text("SELECT count(*) FROM t")).scalar_one())

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert found == [1]
        with other.connect() as connection, pytest.raises(sa.exc.OperationalError, match="no such table"):
            connection.execute(sa.text("SELECT * FROM t"))


def test_a_transaction_that_is_rolled_back_leaves_nothing() -> None:
    with memory_database() as engine:
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
        with engine.connect() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            connection.rollback()
            assert connection.execute(sa.text("SELECT count(*) FROM t")).scalar_one() == 0


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CURRENT_TIMESTAMP", "2033-05-18 03:33:20"),
        ("CURRENT_DATE", "2033-05-18"),
        ("CURRENT_TIME", "03:33:20"),
        ("datetime('now', '+1 day')", "2033-05-19 03:33:20"),
        ("datetime()", "2033-05-18 03:33:20"),
        ("strftime('%Y-%m-%d %H:%M:%f', 'NOW')", "2033-05-18 03:33:20.250"),
        ("CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER)", 2_000_000_000),
        ("date('2001-02-03', '+1 month')", "2001-03-03"),
        ("strftime('%s', 86400, 'unixepoch')", "86400"),
        ("date('nonsense')", None),
    ],
)
def test_now_is_the_tests_own_time_and_other_moments_stay(expression: str, value: object) -> None:
    with memory_database() as engine, moved_clock(engine, MOMENT.timestamp), engine.connect() as connection:
        assert connection.execute(sa.text(f"SELECT {expression}")).scalar_one() == value


def test_functions_of_time_may_still_stand_in_an_index() -> None:
    with memory_database() as engine, moved_clock(engine, time.time), engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (x TEXT)"))
        connection.execute(sa.text("CREATE INDEX i ON t (date(x))"))
        connection.execute(sa.text("INSERT INTO t VALUES ('2001-02-03')"))
        assert connection.execute(sa.text("SELECT x FROM t WHERE date(x) = '2001-02-03'")).scalar_one() == "2001-02-03"


def test_a_given_file_has_the_tests_time_too(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    with given_database(url) as engine, moved_clock(engine, MOMENT.timestamp), engine.connect() as connection:
        assert connection.execute(sa.text("SELECT CURRENT_DATE")).scalar_one() == "2033-05-18"


def test_an_sqlite_that_is_too_old_is_told_in_words() -> None:
    with pytest.raises(StorageUnavailable, match=r"needs SQLite 3\.36, and this is 3\.35\.5"):
        create_memory_engine(version=(3, 35, 5))
