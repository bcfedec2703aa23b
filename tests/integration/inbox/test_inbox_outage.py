"""A database that does not answer is nobody's fault: nothing is lost, nothing is counted, and it goes on afterwards."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.errors import StorageBusy, StorageUnavailable
from leveret.inbox.batch import AnsweredJob, FailedJob
from leveret.sql import Store, create_engine
from support import migration
from support.jobs import add_effect, effects, job, leave, results_of, stored_ids
from testbed.postgres import PrivatePostgres
from testbed.waiting import wait_until


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
        store = Store(engine)
        results_of(store, [job("r1")])
        private_postgres.stop()
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="does not answer"):
                results_of(store, [job("r1"), job("r2")])
            with pytest.raises(StorageUnavailable):
                store.ping()
        private_postgres.start()
        store.ping()
        again, new = results_of(store, [job("r1"), job("r2")])
        assert isinstance(again, AnsweredJob)
        assert isinstance(new, AnsweredJob)
        assert (again.replayed, new.replayed) == (True, False)
        assert effects(engine) == ["r1", "r2"]
        store.close()
        engine.dispose()


@pytest.mark.parametrize("others", [0, 2])
def test_a_server_that_stops_while_a_request_runs_is_an_outage_and_no_failure_of_that_request(
    private_postgres: PrivatePostgres, others: int
) -> None:
    with private_postgres.database() as url:
        migration.upgrade(url)
        engine = create_engine(url)
        store = Store(engine, recovery=0.1)
        stops = iter([private_postgres.stop])

        def stop(connection: sa.Connection) -> None:
            next(stops, lambda: None)()
            connection.exec_driver_sql("SELECT 1")

        names = [f"r{number}" for number in range(others)]
        jobs = [*map(job, names), job("x", leave("x", then=stop))]
        with pytest.raises(StorageUnavailable, match="does not answer"):
            results_of(store, jobs)
        private_postgres.start()
        results = results_of(store, jobs)
        assert all(isinstance(result, AnsweredJob) and not result.replayed for result in results)
        assert effects(engine) == stored_ids(engine) == [*names, "x"]
        store.close()
        engine.dispose()


@pytest.mark.parametrize("others", [0, 2])
def test_a_connection_that_ends_within_a_batch_costs_nobody_anything(
    clean_store: tuple[sa.Engine, Store], others: int
) -> None:
    engine, store = clean_store
    end, ends = end_connection(engine), iter([True])
    ended = job("x", leave("x", then=lambda connection: end(connection) if next(ends, False) else None))
    results = results_of(store, [*(job(f"r{number}") for number in range(others)), ended])
    assert all(isinstance(result, AnsweredJob) and not result.replayed for result in results)
    assert effects(engine) == stored_ids(engine) == [*(f"r{number}" for number in range(others)), "x"]


def test_a_connection_that_ended_while_idle_costs_no_outage(clean_store: tuple[sa.Engine, Store]) -> None:
    engine, store = clean_store
    with store.begin(writes=True) as transaction:
        victim = transaction.connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
    with engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": victim})
    assert isinstance(results_of(store, [job("r1")])[0], AnsweredJob)
    assert effects(engine) == ["r1"]


def test_no_store_meets_an_outage_when_the_database_has_ended_all_connections_and_answers(
    clean_store: tuple[sa.Engine, Store],
) -> None:
    engine, store = clean_store
    others = [Store(engine) for _ in range(3)]
    for each in (store, *others):
        each.ping()
    with engine.connect() as other:
        other.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    for number, each in enumerate((store, *others)):
        assert isinstance(results_of(each, [job(f"r{number}")])[0], AnsweredJob)
    assert effects(engine) == ["r0", "r1", "r2", "r3"]
    for each in others:
        each.close()


def hastily(statement: str) -> Callable[[sa.Connection], bytes]:
    """Make a function that waits a moment for the locks that a statement needs."""

    def run(connection: sa.Connection) -> bytes:
        connection.execute(sa.text("SET LOCAL lock_timeout = '10ms'"))
        connection.execute(sa.text(statement))
        raise AssertionError

    return run


def test_a_row_that_is_locked_too_long_is_busy_and_fails_that_request_alone(
    clean_store: tuple[sa.Engine, Store],
) -> None:
    engine, store = clean_store
    results_of(store, [job("r0")])
    touch = "UPDATE users SET full_name = 'other'"
    with engine.begin() as holder:
        holder.execute(sa.text(touch))
        first, busy, last = results_of(store, [job("r1"), job("busy", hastily(touch)), job("r2")])
    assert isinstance(busy, FailedJob)
    assert isinstance(busy.error, StorageBusy)
    assert isinstance(first, AnsweredJob)
    assert isinstance(last, AnsweredJob)
    assert effects(engine) == ["r0", "r1", "r2"]


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("mode", ["SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_a_table_that_is_locked_too_long_is_an_outage_and_no_requests_fault(
    clean_store: tuple[sa.Engine, Store], mode: str, others: int
) -> None:
    engine, store = clean_store
    jobs = [job(f"r{number}") for number in range(others)]
    with engine.begin() as holder:
        holder.execute(sa.text(f"LOCK TABLE tasks IN {mode} MODE"))
        with pytest.raises(StorageUnavailable, match="Another session has locked tasks"):
            results_of(store, [*jobs, job("held", hastily("DELETE FROM tasks"))])
        store.ping()
    assert effects(engine) == []
    assert all(isinstance(result, AnsweredJob) for result in results_of(store, [*jobs, job("held")]))


def test_who_waits_behind_a_change_of_the_table_that_waits_itself_is_in_an_outage(
    clean_store: tuple[sa.Engine, Store],
) -> None:
    """A reader that stays, a change that waits for it, and everybody else behind the change."""
    engine, store = clean_store

    def change() -> None:
        with engine.begin() as changer:
            changer.execute(sa.text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))

    with engine.begin() as reader, ThreadPoolExecutor(1) as pool:
        reader.execute(sa.text("SELECT count(*) FROM tasks"))
        changing = pool.submit(change)
        waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
        wait_until(lambda: reader.execute(waits).scalar(), "the change that waits for the reader")
        with pytest.raises(StorageUnavailable, match="locked tasks"):
            results_of(store, [job("held", hastily("DELETE FROM tasks"))])
        reader.rollback()
        changing.result(10)
    assert isinstance(results_of(store, [job("held")])[0], AnsweredJob)


def test_a_locked_table_of_responses_is_an_outage_for_whoever_asks_whether_the_database_is_back(
    clean_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leveret.sql.engine.LOCK_TIMEOUT", 0.05)
    engine = create_engine(clean_postgres)
    store = Store(engine)
    with engine.begin() as holder:
        holder.execute(sa.text("LOCK TABLE processed_requests IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(StorageUnavailable, match="locked processed_requests"):
            store.ping()
    store.ping()
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'in conflict' USING ERRCODE = '40001'; END $$;"
            "CREATE TRIGGER conflict BEFORE INSERT ON crash_journal EXECUTE FUNCTION conflict()"
        )
    with pytest.raises(StorageUnavailable, match="busy"):  # whoever asks has no request whose fault it could be
        store.ping()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP FUNCTION conflict CASCADE")
    store.close()
    engine.dispose()


@pytest.fixture
def hasty_store(tmp_path: Path) -> Iterator[tuple[sa.Engine, Store]]:
    """A store on SQLite that waits a tenth of a second for locks."""
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    engine = create_engine(url)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 100"))
    store = Store(engine)
    yield engine, store
    store.close()
    engine.dispose()


def test_an_sqlite_file_that_another_process_locks_is_an_outage_until_it_lets_go(
    hasty_store: tuple[sa.Engine, Store],
) -> None:
    engine, store = hasty_store
    with engine.begin() as holder:
        add_effect(holder, "held")
        with pytest.raises(StorageUnavailable, match="locked"):
            results_of(store, [job("r1"), job("r2")])
        with pytest.raises(StorageUnavailable):
            store.ping()
        [read] = results_of(store, [job("read", lambda _: b"read", stores=False)])
        assert read == AnsweredJob(b"read")
    assert all(isinstance(result, AnsweredJob) for result in results_of(store, [job("r1"), job("r2")]))
    assert effects(engine) == ["held", "r1", "r2"]


def test_an_sqlite_file_that_cannot_be_opened_is_an_outage(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'tasks.db'}")
    store = Store(engine)
    with pytest.raises(StorageUnavailable, match="unable to open"):
        results_of(store, [job("r1")])
    store.close()
    engine.dispose()
