"""Behind a pooler each transaction may have another server connection: nothing of a session can be relied on."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from leveret.errors import StorageUnavailable
from leveret.sql import Store, create_engine
from leveret.sql.engine import LOCK_TIMEOUT, STATEMENT_TIMEOUT
from leveret.sql.pooling import PREPARED_AFTER, Pooler
from support import migration
from taskmanager import usecases
from taskmanager.domain import NewTask, NewUser
from taskmanager.storage import task_queries
from testbed.pgbouncer import pgbouncer

NOW = datetime(2026, 1, 31, tzinfo=UTC)
IGNORES_OPTIONS = "ignore_startup_parameters = options"
LANES = 4
TASKS = 1_000


def tasks_of(url: str, count: int) -> tuple[int, list[int]]:
    engine = create_engine(url)
    with engine.begin() as connection:
        owner = usecases.register(connection, NewUser("owner@example.com", "Owner"), "hash", NOW).id
        ids = [task_queries.add_task(connection, owner, NewTask(f"Task {n}"), NOW).id for n in range(count)]
    engine.dispose()
    return owner, ids


def in_lanes(url: str, pooler: Pooler, work: Callable[[Store, int], None]) -> None:
    """Run a function in as many threads as a worker has lanes, each with a store, all of one engine."""
    engine = create_engine(url, pooler=pooler)
    together = threading.Barrier(LANES)

    def lane(number: int) -> None:
        store = Store(engine)
        try:
            together.wait()
            work(store, number)
        finally:
            store.close()

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lane, range(LANES)))
    engine.dispose()


@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.parametrize("settings", ["", IGNORES_OPTIONS])
def test_what_is_only_read_through_a_pooler_is_not_deleted(clean_postgres: str, mode: str, settings: str) -> None:
    """Two lanes read and two delete; a statement that one of them has prepared must not run in another's place."""
    owner, ids = tasks_of(clean_postgres, 2 * TASKS)
    read, deleted = ids[:TASKS], ids[TASKS:]

    def work(store: Store, number: int) -> None:
        act = task_queries.remove_task if number % 2 else task_queries.find_task
        for task in (deleted if number % 2 else read)[number // 2 :: 2]:
            with store.begin(writes=bool(number % 2)) as transaction:
                assert act(transaction.connection, owner, task)

    with pgbouncer(clean_postgres, mode, shared=2 if mode == "transaction" else LANES, settings=settings) as url:
        in_lanes(url, "auto", work)
    engine = create_engine(clean_postgres)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT id FROM tasks ORDER BY id")).scalars().all() == read
    engine.dispose()


@pytest.mark.parametrize(
    ("mode", "pooler"),
    [("transaction", "auto"), ("transaction", "transaction"), ("session", "auto"), ("session", "session")],
)
def test_limits_hold_in_each_transaction_whatever_server_connection_it_gets(
    clean_postgres: str, mode: str, pooler: Pooler
) -> None:
    found: set[tuple[str, ...]] = set()
    servers: set[int] = set()

    def work(store: Store, _number: int) -> None:
        for _ in range(50):
            with store.begin(writes=False) as transaction:
                found.add(limits(transaction.connection))
                servers.add(transaction.connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())

    with pgbouncer(clean_postgres, mode, shared=LANES) as url:
        in_lanes(url, pooler, work)
    assert found == {(f"{LOCK_TIMEOUT}s", f"{STATEMENT_TIMEOUT}s", "UTC")}
    assert len(servers) > 1


def test_a_pooler_is_noticed_and_told_once_and_nothing_is_left_in_its_server_sessions(
    clean_postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "leveret.database")
    with pgbouncer(clean_postgres, "transaction", shared=1) as url:
        engine = create_engine(url)
        stores = [Store(engine) for _ in range(2)]
        for _ in range(2 * PREPARED_AFTER):
            for store in stores:
                store.clock()
                store.ping()
        for store in stores:
            store.close()
        engine.dispose()
        found = [seen_by_another_program(url) for url in (url, clean_postgres)]
    assert found[0] == found[1]
    assert [record.getMessage() for record in caplog.records] == [
        "the database is behind a pooler: limits go with each transaction, no statement is prepared"
    ]


def test_a_direct_connection_keeps_its_limits_and_its_prepared_statements(
    clean_postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "leveret.database")
    engine = create_engine(clean_postgres)
    stores = [Store(engine) for _ in range(2)]
    names = []
    for store in stores:
        for _ in range(PREPARED_AFTER + 1):
            store.ping()
        with store.begin(writes=False) as transaction:
            assert limits(transaction.connection) == (f"{LOCK_TIMEOUT}s", f"{STATEMENT_TIMEOUT}s", "UTC")
            names.append(prepared(transaction.connection))
        store.close()
    engine.dispose()
    assert all(names)
    assert not set(names[0]) & set(names[1])
    assert not caplog.records


def test_a_pooler_that_was_said_to_keep_sessions_and_does_not_is_an_outage_and_runs_nobody_elses_statement(
    clean_postgres: str,
) -> None:
    owner, ids = tasks_of(clean_postgres, 40)
    with pgbouncer(clean_postgres, "transaction", shared=1) as url:
        engine = create_engine(url, pooler="session")
        reader, remover = Store(engine), Store(engine)

        def read(_store: Store) -> None:
            with reader.begin(writes=False) as transaction:
                task_queries.find_task(transaction.connection, owner, ids[0])

        for _ in range(PREPARED_AFTER + 1):
            read(reader)
        for task in ids[1 : PREPARED_AFTER + 2]:  # both have prepared a statement now, on the one server connection
            with remover.begin(writes=True) as transaction:
                assert task_queries.remove_task(transaction.connection, owner, task)
        with remover.begin(writes=False) as transaction:  # for the reader as if the pooler had given it another one
            transaction.connection.exec_driver_sql("DEALLOCATE ALL")
        with pytest.raises(StorageUnavailable, match="a pooler"):
            read(reader)
        reader.close()
        remover.close()
        engine.dispose()


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_database_is_migrated_through_a_pooler(postgres_url: str, mode: str) -> None:
    with pgbouncer(postgres_url, mode) as url:
        assert migration.upgrade(url)
        assert not migration.upgrade(url)
        assert migration.is_current(url)


def seen_by_another_program(url: str) -> tuple[tuple[str, ...], list[str]]:
    """Limits and prepared statements of a server connection, without our engine's preparation."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = limits(connection), prepared(connection)
    engine.dispose()
    return found


def limits(connection: sa.Connection) -> tuple[str, ...]:
    names = ("lock_timeout", "statement_timeout", "timezone")
    return tuple(str(connection.execute(sa.text(f"SHOW {name}")).scalar_one()) for name in names)


def prepared(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.text("SELECT name FROM pg_prepared_statements")).scalars())
