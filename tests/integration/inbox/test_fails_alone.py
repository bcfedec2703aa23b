"""A request on which the database fails as in an outage fails alone; what it refuses everybody is an outage."""

import os
import secrets
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.errors import FailedAlone, StorageBusy, StorageFailed, StorageUnavailable
from leveret.inbox.batch import AnsweredJob, FailedJob
from leveret.inbox.outages import TRIES
from leveret.sql import Store, create_engine
from support import migration
from support.jobs import add_effect, effects, job, leave, results_of, stored_ids
from testbed.postgres import PrivatePostgres

Act = Callable[[sa.Connection], None]
LIMIT = 30.0


def say(*statements: str) -> Act:
    def act(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return act


def give_too_many_values(connection: sa.Connection) -> None:
    values = tuple(range(70_000))  # as the driver takes them, because SQLAlchemy needs seconds for as many names
    connection.exec_driver_sql(f"SELECT {' + '.join('%s' for _ in values)}", values)


def stay_idle(connection: sa.Connection) -> None:
    """Do nothing until the server has ended the connection, as an action does that waits for another service."""
    say("SET LOCAL idle_in_transaction_session_timeout = '20ms'")(connection)
    raw = connection.connection.driver_connection
    assert raw is not None
    assert select.select([raw.fileno()], [], [], LIMIT)[0]
    say("SELECT 1")(connection)


POISON: dict[str, Act] = {
    "ends its connection": say("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"),
    "temp_file_limit": say(
        "SET LOCAL temp_file_limit = '64kB'",
        "SET LOCAL work_mem = '64kB'",
        "SELECT count(*) FROM (SELECT DISTINCT g FROM generate_series(1, 200000) AS g OFFSET 0) AS many",
    ),
    "idle in a transaction": stay_idle,
    "an extension whose library is gone": say("LOAD 'nowhere'"),
    "another database that is away": say(
        "DO $$ BEGIN RAISE 'could not connect' USING ERRCODE = '08001'; END $$"  # as dblink and foreign tables do
    ),
}


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("poison", POISON)
def test_a_request_on_which_the_database_fails_fails_alone_while_it_answers_others(
    clean_store: tuple[sa.Engine, Store], poison: str, others: int
) -> None:
    engine, store = clean_store
    names = [f"r{number}" for number in range(others)]
    jobs = [job(name) for name in names]
    jobs.insert(others // 2, job("x", leave("x", then=POISON[poison])))
    results = results_of(store, jobs)
    result = results.pop(others // 2)
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, FailedAlone), result.error
    assert str(result.error).startswith("The database failed on this request and answered others: ")
    assert all(isinstance(each, AnsweredJob) and not each.replayed for each in results)
    assert effects(engine) == stored_ids(engine) == names


@pytest.mark.parametrize("others", [0, 3])
def test_what_the_driver_cannot_send_is_that_requests_failure(
    clean_store: tuple[sa.Engine, Store], others: int
) -> None:
    _, store = clean_store
    jobs = [*(job(f"r{number}") for number in range(others)), job("x", leave("x", then=give_too_many_values))]
    *results, result = results_of(store, jobs)
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)
    assert not isinstance(result.error, FailedAlone), "nothing looks like an outage, so it is not tried again at once"
    assert "number of parameters" in str(result.error)
    assert all(isinstance(each, AnsweredJob) for each in results)


def test_a_trigger_that_ends_the_connection_at_the_commit_fails_that_request_alone(
    clean_store: tuple[sa.Engine, Store],
) -> None:
    engine, store = clean_store
    with engine.begin() as connection:
        say(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
            "CREATE CONSTRAINT TRIGGER deadly AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW WHEN (NEW.full_name = 'deadly') EXECUTE FUNCTION die()",
        )(connection)
    deadly = say(
        "UPDATE users SET full_name = 'x'",
        "INSERT INTO users (email, full_name, password_hash, created_at) VALUES ('d@example.com', 'deadly', '', now())",
    )
    try:
        first, result, last = results_of(store, [job("r1"), job("x", leave("x", then=deadly)), job("r2")])
    finally:
        with engine.begin() as connection:
            say("DROP TRIGGER deadly ON users", "DROP FUNCTION die")(connection)
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, FailedAlone)
    assert isinstance(first, AnsweredJob)
    assert isinstance(last, AnsweredJob)
    assert effects(engine) == stored_ids(engine) == ["r1", "r2"]


def crash(connection: sa.Connection) -> None:
    """Have the server's process for this connection die, which ends all its connections until it has recovered."""
    pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGSEGV)
    say("SELECT pg_sleep(10)")(connection)


def test_a_request_that_crashes_the_database_fails_alone_when_it_has_recovered(
    private_postgres: PrivatePostgres,
) -> None:
    with private_postgres.database() as url:
        migration.upgrade(url)
        engine = create_engine(url)
        store = Store(engine, recovery=LIMIT)
        first, result, last = results_of(store, [job("r1"), job("x", leave("x", then=crash)), job("r2")])
        assert isinstance(result, FailedJob)
        assert isinstance(result.error, FailedAlone)
        assert isinstance(first, AnsweredJob)
        assert isinstance(last, AnsweredJob)
        assert effects(engine) == stored_ids(engine) == ["r1", "r2"]
        store.close()
        engine.dispose()


def test_a_failure_that_does_not_come_again_costs_a_request_nothing(clean_store: tuple[sa.Engine, Store]) -> None:
    engine, store = clean_store
    ends = iter([True] * (TRIES - 1))

    def end(connection: sa.Connection) -> None:
        if next(ends, False):
            POISON["ends its connection"](connection)

    [result] = results_of(store, [job("x", leave("x", then=end))])
    assert isinstance(result, AnsweredJob)
    assert effects(engine) == ["x"]


@pytest.fixture
def plain(clean_postgres: str) -> Iterator[tuple[sa.Engine, Store, str]]:
    """An engine of the owner, the store of a role that may use the tables and not more, and that role's name."""
    owner, role = create_engine(clean_postgres), f"plain_{secrets.token_hex(4)}"
    with owner.begin() as connection:
        say(
            f"CREATE ROLE {role} LOGIN PASSWORD 'plain'",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
        )(connection)
    engine = create_engine(
        sa.make_url(clean_postgres).set(username=role, password="plain").render_as_string(hide_password=False)
    )
    store = Store(engine)
    yield owner, store, role
    store.close()
    engine.dispose()
    with owner.begin() as connection:
        say(f"DROP OWNED BY {role}", f"DROP ROLE {role}")(connection)
    owner.dispose()


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("table", ["processed_requests", "crash_journal"])
@pytest.mark.parametrize(
    ("forth", "back", "said"),
    [
        ("ALTER TABLE {table} RENAME TO lost", "ALTER TABLE lost RENAME TO {table}", "does not exist"),
        ("REVOKE ALL ON {table} FROM {role}", "GRANT ALL ON {table} TO {role}", "permission denied for table"),
    ],
)
def test_what_the_database_refuses_everybody_is_an_outage_that_names_the_cause(
    plain: tuple[sa.Engine, Store, str], forth: str, back: str, said: str, table: str, others: int
) -> None:
    owner, store, role = plain
    with owner.begin() as connection:
        say(forth.format(table=table, role=role))(connection)
    try:
        [result] = results_of(store, [job("again", journal=True)])
        assert isinstance(result, FailedJob)
        assert isinstance(result.error, StorageUnavailable)
        assert said in str(result.error)
        assert table in str(result.error)
        if table == "processed_requests":
            with pytest.raises(StorageUnavailable, match=said):
                results_of(store, [job(f"r{number}") for number in range(others + 1)])
    finally:
        with owner.begin() as connection:
            say(back.format(table=table, role=role))(connection)
    results = results_of(store, [*(job(f"r{number}") for number in range(others)), job("again", journal=True)])
    assert all(isinstance(result, AnsweredJob) for result in results)


def test_a_table_that_only_one_action_needs_is_no_outage_when_it_is_missing(
    clean_store: tuple[sa.Engine, Store],
) -> None:
    _, store = clean_store
    first, result = results_of(store, [job("r"), job("x", leave("x", then=say("SELECT * FROM nowhere")))])
    assert isinstance(first, AnsweredJob)
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)


@pytest.mark.parametrize("others", [0, 2])
def test_an_sqlite_file_that_is_corrupt_is_an_outage_that_says_so(tmp_path: Path, others: int) -> None:
    file = tmp_path / "tasks.db"
    migration.upgrade(f"sqlite:///{file}")
    engine = create_engine(f"sqlite:///{file}")
    store = Store(engine)
    results_of(store, [job("before")])
    store.close()
    engine.dispose()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)  # all but the first page, which names the tables
    file.write_bytes(content)
    with pytest.raises(StorageUnavailable, match="malformed"):
        results_of(store, [job(f"r{number}") for number in range(others + 1)])
    store.close()
    engine.dispose()


@pytest.mark.parametrize("others", [0, 2])
def test_a_request_for_which_sqlite_has_no_room_fails_alone(tmp_path: Path, others: int) -> None:
    file = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(file)
    engine = create_engine(file)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 100"))
    store = Store(engine)
    fill = say("CREATE TABLE big AS SELECT zeroblob(1000000) AS b")
    *results, result = results_of(
        store, [*(job(f"r{number}") for number in range(others)), job("x", leave("x", then=fill))]
    )
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, FailedAlone)
    assert "full" in str(result.error)
    assert all(isinstance(each, AnsweredJob) for each in results)
    assert effects(engine) == [f"r{number}" for number in range(others)]
    store.close()
    engine.dispose()


def test_a_cursor_that_is_left_open_in_sqlite_is_busy_and_no_outage(tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(file)
    engine = create_engine(file)
    store = Store(engine)

    def drop_under_a_cursor(connection: sa.Connection) -> None:
        add_effect(connection, "y")
        add_effect(connection, "z")
        say("CREATE TABLE short AS SELECT 1 AS n UNION SELECT 2")(connection)
        open_cursor = connection.exec_driver_sql("SELECT n FROM short")
        open_cursor.fetchone()
        say("DROP TABLE short")(connection)

    [result] = results_of(store, [job("x", leave("x", then=drop_under_a_cursor))])
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageBusy)
    store.close()
    engine.dispose()
