"""A database that does not answer is nobody's fault: nothing is lost, nothing is counted, and it goes on afterwards."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from support.postgres import PrivatePostgres
from taskmanager.storage import migration
from warren.errors import StorageBusy, StorageUnavailable
from warren.inbox import Answered, Failed, run_batch
from warren.sql import SqlStore, create_engine

from .jobs import add_effect, effects, job, leave, stored_ids


@pytest.fixture
def clean_store(clean_postgres: str) -> Iterator[tuple[sa.Engine, SqlStore]]:
    engine = create_engine(clean_postgres)
    store = SqlStore(engine)
    yield engine, store
    store.close()
    engine.dispose()


def end_connection(engine: sa.Engine) -> Callable[[sa.Connection], None]:
    """Make a function that has the server end the connection it is called with."""

    def end(connection: sa.Connection) -> None:
        victim = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        with engine.connect() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": victim})

    return end


def test_a_server_that_stops_is_an_outage_and_the_same_store_goes_on_when_it_is_back(
    private_postgres: PrivatePostgres,
) -> None:
    with private_postgres.database() as url:
        migration.upgrade(url)
        engine = create_engine(url)
        store = SqlStore(engine)
        run_batch(store, [job("r1")])
        private_postgres.stop()
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="does not answer"):
                run_batch(store, [job("r1"), job("r2")])
            with pytest.raises(StorageUnavailable):
                store.ping()
        private_postgres.start()
        store.ping()
        again, new = run_batch(store, [job("r1"), job("r2")])
        assert isinstance(again, Answered)
        assert isinstance(new, Answered)
        assert (again.replayed, new.replayed) == (True, False)
        assert effects(engine) == ["r1", "r2"]
        store.close()
        engine.dispose()


@pytest.mark.parametrize("others", [0, 2])
def test_a_connection_that_ends_within_a_batch_is_an_outage_and_leaves_nothing(
    clean_store: tuple[sa.Engine, SqlStore], others: int
) -> None:
    engine, store = clean_store
    jobs = [job(f"r{number}") for number in range(others)]
    with pytest.raises(StorageUnavailable):
        run_batch(store, [*jobs, job("ended", leave("ended", then=end_connection(engine)))])
    assert effects(engine) == stored_ids(engine) == []
    results = run_batch(store, [*jobs, job("ended")])
    assert all(isinstance(result, Answered) and not result.replayed for result in results)


def test_a_connection_that_ended_while_idle_costs_one_outage_at_most(clean_store: tuple[sa.Engine, SqlStore]) -> None:
    engine, store = clean_store
    with store.begin(writes=True) as transaction:
        victim = transaction.connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
    with engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": victim})
    with pytest.raises(StorageUnavailable):
        run_batch(store, [job("r1")])
    assert isinstance(run_batch(store, [job("r1")])[0], Answered)
    assert effects(engine) == ["r1"]


def test_a_lock_that_is_held_too_long_is_busy_and_fails_that_request_alone(
    clean_store: tuple[sa.Engine, SqlStore],
) -> None:
    engine, store = clean_store

    def wait_for_lock(connection: sa.Connection) -> bytes:
        connection.execute(sa.text("SET LOCAL lock_timeout = '10ms'"))
        connection.execute(sa.text("LOCK TABLE tasks IN EXCLUSIVE MODE"))
        raise AssertionError

    with engine.begin() as holder:
        holder.execute(sa.text("LOCK TABLE tasks IN EXCLUSIVE MODE"))
        first, busy, last = run_batch(store, [job("r1"), job("busy", wait_for_lock), job("r2")])
    assert isinstance(busy, Failed)
    assert isinstance(busy.error, StorageBusy)
    assert isinstance(first, Answered)
    assert isinstance(last, Answered)
    assert effects(engine) == ["r1", "r2"]


@pytest.fixture
def hasty_store(tmp_path: Path) -> Iterator[tuple[sa.Engine, SqlStore]]:
    """A store on SQLite that waits a tenth of a second for locks."""
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    engine = create_engine(url)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 100"))
    store = SqlStore(engine)
    yield engine, store
    store.close()
    engine.dispose()


def test_an_sqlite_file_that_another_process_locks_is_an_outage_until_it_lets_go(
    hasty_store: tuple[sa.Engine, SqlStore],
) -> None:
    engine, store = hasty_store
    with engine.begin() as holder:
        add_effect(holder, "held")
        with pytest.raises(StorageUnavailable, match="locked"):
            run_batch(store, [job("r1"), job("r2")])
        with pytest.raises(StorageUnavailable):
            store.ping()
        [read] = run_batch(store, [job("read", lambda _: b"read", stores=False)])
        assert read == Answered(b"read")
    assert all(isinstance(result, Answered) for result in run_batch(store, [job("r1"), job("r2")]))
    assert effects(engine) == ["held", "r1", "r2"]


def test_an_sqlite_file_that_cannot_be_opened_is_an_outage(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'tasks.db'}")
    store = SqlStore(engine)
    with pytest.raises(StorageUnavailable, match="unable to open"):
        run_batch(store, [job("r1")])
    store.close()
    engine.dispose()
