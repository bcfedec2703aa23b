"""Transactions that only read, that nobody shares, and rows that wait for a lock together."""

from contextlib import suppress

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from leveret.errors import Conflict, StorageBusy, StorageFailed
from leveret.inbox.batch import AnsweredJob, FailedJob, Job
from leveret.sql import Store, create_engine
from support.jobs import NOW, add_effect, count_commits, effects, job, leave, results_of
from support.responses import ok
from taskmanager import usecases
from taskmanager.domain import NewTask, NewUser
from taskmanager.storage import task_queries

from .test_neighbours import Act, say, write_by

WRITES: dict[str, Act] = {
    "seen": lambda connection: add_effect(connection, "x"),
    "as text": say("UPDATE users SET full_name = 'x'"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("stored", [False, True], ids=["read", "read that is stored"])
@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("others", ["nobody", "reads", "writes"])
def test_an_action_that_is_not_declared_to_write_cannot(
    engine: sa.Engine, store: Store, write: str, stored: bool, redelivered: bool, others: str
) -> None:
    results_of(store, [job("before")])

    def read(connection: sa.Connection) -> bytes:
        WRITES[write](connection)
        return ok("x", None)

    guilty = replace(job("x", read, stores=stored, journal=redelivered), reads=True)
    near = {
        "nobody": [],
        "reads": [job(name, lambda _: ok("r", 1), stores=False) for name in "ab"],
        "writes": [job("a"), job("b")],
    }[others]
    *rest, result = results_of(store, [*near, guilty])
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)
    assert "writes=True" in str(result.error)
    assert all(isinstance(each, AnsweredJob) for each in rest)
    assert effects(engine) == (["a", "b", "before"] if others == "writes" else ["before"])
    with engine.connect() as connection:
        assert not connection.exec_driver_sql("SELECT count(*) FROM users WHERE full_name = 'x'").scalar()


@pytest.mark.parametrize("stored", [False, True], ids=["read", "read that is stored"])
def test_a_read_of_columns_that_are_called_as_writes_are_is_a_read(
    engine: sa.Engine, store: Store, stored: bool
) -> None:
    def read(connection: sa.Connection) -> bytes:
        rights = sa.select(*[sa.literal(1).label(name) for name in ("delete", "insert", "update")]).subquery()
        return ok("x", list(connection.execute(sa.select(rights)).one()))

    commits = count_commits(engine)
    results = results_of(store, [job("a"), replace(job("x", read, stores=stored), reads=True), job("b")])
    assert all(isinstance(result, AnsweredJob) for result in results)
    assert len(commits) == 1


def test_a_read_cannot_write_behind_a_pooler_either(clean_postgres: str) -> None:
    engine = create_engine(clean_postgres, pooler="transaction")
    store = Store(engine)
    [result] = results_of(store, [job("x", leave("x"), stores=False)])
    [written] = results_of(store, [job("r")])
    assert isinstance(result, FailedJob)
    assert "writes=True" in str(result.error)
    assert isinstance(written, AnsweredJob)
    assert effects(engine) == ["r"]
    store.close()
    engine.dispose()


@pytest.mark.parametrize("others", ["nobody", "reads"])
@pytest.mark.parametrize("how", ["function", "driver"])
def test_a_read_cannot_write_in_a_way_that_nobody_sees_either(
    engine: sa.Engine, store: Store, how: str, others: str
) -> None:
    if how == "function" and engine.dialect.name == "sqlite":
        return
    write = write_by(how, engine)

    def read(connection: sa.Connection) -> bytes:
        with suppress(Conflict):
            write(connection)
        return ok("x", None)

    near = [job(name, lambda _: ok("r", 1), stores=False) for name in "ab"] if others == "reads" else []
    *rest, result = results_of(store, [*near, job("x", read, stores=False)])
    assert all(isinstance(each, AnsweredJob) for each in rest)
    assert isinstance(result, FailedJob)
    assert how == "driver" or "writes=True" in str(result.error)  # a raw cursor's error is the action's own
    assert effects(engine) == []
    [written] = results_of(store, [job("r")])
    assert isinstance(written, AnsweredJob)
    if how == "function":
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP FUNCTION add_somebody")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("others", ["nobody", "reads"])
def test_a_read_that_writes_while_another_worker_writes_is_told_its_mistake_at_once(
    engine: sa.Engine, store: Store, others: str
) -> None:
    def write_beside_another(connection: sa.Connection) -> bytes:
        with engine.begin() as another:
            add_effect(another, "r")
            add_effect(connection, "x")
        raise AssertionError

    near = [job(name, lambda _: ok("r", 1), stores=False) for name in "ab"] if others == "reads" else []
    *rest, result = results_of(store, [*near, job("x", write_beside_another, stores=False)])
    assert all(isinstance(each, AnsweredJob) for each in rest)
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)
    assert "writes=True" in str(result.error)
    assert effects(engine) == []


def test_reads_and_writes_may_take_turns_on_one_connection(engine: sa.Engine, store: Store) -> None:
    for number in range(4):
        [read] = results_of(store, [job(f"q{number}", lambda _: ok("q", 1), stores=False)])
        [written] = results_of(store, [job(f"r{number}")])
        assert isinstance(read, AnsweredJob)
        assert isinstance(written, AnsweredJob)
    assert effects(engine) == ["r0", "r1", "r2", "r3"]


def test_requests_of_an_action_that_wants_to_be_alone_share_no_transaction(engine: sa.Engine, store: Store) -> None:
    runs: list[str] = []
    commits = count_commits(engine)

    def apart(name: str) -> Job:
        return replace(job(name, leave(name, then=lambda _: runs.append(name))), alone=True)

    results = results_of(store, [job("a"), apart("x"), job("b"), apart("y")])
    assert all(isinstance(result, AnsweredJob) for result in results)
    assert runs == ["x", "y"]
    assert len(commits) == 3
    assert effects(engine) == ["a", "b", "x", "y"]


def test_a_gathered_row_that_waits_for_a_lock_is_busy_and_nothing_of_a_batch_is_kept_twice(clean_postgres: str) -> None:
    hasty = sa.make_url(clean_postgres).update_query_dict({"options": "-c lock_timeout=100ms"})
    engine = create_engine(hasty.render_as_string(hide_password=False))
    store = Store(engine)
    with engine.begin() as connection:
        owners = [usecases.register(connection, NewUser(f"{name}@example.com"), "hash", NOW).id for name in "ab"]

    def add(name: str, owner: int) -> Job:
        def run(connection: sa.Connection) -> bytes:
            return ok(name, task_queries.add_task(connection, owner, NewTask(name), NOW).id)

        return job(name, run)

    with engine.begin() as holder:
        holder.execute(sa.text("SELECT 1 FROM users WHERE id = :id FOR UPDATE"), {"id": owners[1]})
        names = ["r1", "x", "r2"]
        results = results_of(store, [add(name, owners[name == "x"]) for name in names])
    assert [type(result) for result in results] == [AnsweredJob, FailedJob, AnsweredJob]
    assert isinstance(results[1], FailedJob)
    assert isinstance(results[1].error, StorageBusy)
    with engine.connect() as connection:
        assert sorted(connection.execute(sa.text("SELECT title FROM tasks")).scalars()) == ["r1", "r2"]
    store.close()
    engine.dispose()
