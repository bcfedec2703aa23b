"""Rows of a batch are added together, and no request can tell."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.errors import NotFound, Unauthenticated
from leveret.inbox.batch import AnsweredJob, FailedJob, Job, Result
from leveret.sql import Store
from leveret.sql.gathering import GatheredInsert
from support.jobs import NOW, count_commits, job, results_of
from support.responses import ok
from taskmanager import usecases
from taskmanager.domain import NewTask, NewUser, Task, TaskPage, User
from taskmanager.storage.tables import tasks

Run = Callable[[sa.Connection], bytes]


@pytest.fixture
def owner(engine: sa.Engine) -> User:
    with engine.begin() as connection:
        return usecases.register(connection, NewUser("owner@example.com"), "hash", NOW)


@pytest.fixture
def inserts(engine: sa.Engine) -> list[str]:
    """Every statement and call that added tasks."""
    seen: list[str] = []

    def look(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("INSERT INTO tasks"):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", look)
    return seen


def create(owner_id: int, title: str, then: Callable[[sa.Connection, Task], Any] | None = None) -> Run:
    def run(connection: sa.Connection) -> bytes:
        task = usecases.create_task(connection, owner_id, NewTask(title), NOW)
        return ok(title, then(connection, task) if then else task.id)

    return run


def titles(engine: sa.Engine) -> dict[int, str]:
    with engine.connect() as connection:
        return {row.id: row.title for row in connection.execute(sa.select(tasks.c.id, tasks.c.title))}


def ids_of(results: list[Result], jobs: list[Job]) -> dict[int, str]:
    answers = zip(results, jobs, strict=True)
    return {
        int(each.response.partition(b'"data":')[2].partition(b",")[0]): asked.key.id
        for each, asked in answers
        if isinstance(each, AnsweredJob) and each.code is None
    }


def statements_for(engine: sa.Engine, count: int) -> int:
    """SQLite's take 64, 32, 16 rows and so on."""
    return count.bit_count() if engine.dialect.name == "sqlite" else 1


def test_the_tasks_of_a_batch_are_added_at_once_under_the_ids_that_were_answered(
    engine: sa.Engine, store: Store, owner: User, inserts: list[str]
) -> None:
    for batch in range(3):
        jobs = [job(f"b{batch}-{n}", create(owner.id, f"b{batch}-{n}")) for n in range(5)]
        answered = ids_of(results_of(store, jobs), jobs)
        assert len(answered) == 5
        assert answered.items() <= titles(engine).items()
        assert list(answered) == sorted(answered), "who comes later has the larger id"
    assert len(inserts) == 3 * statements_for(engine, 5)


def test_whoever_asks_in_the_same_batch_finds_what_was_kept_back(
    engine: sa.Engine, store: Store, owner: User, inserts: list[str]
) -> None:
    def find(connection: sa.Connection, task: Task) -> str:
        return usecases.get_task(connection, owner.id, task.id).title

    def count(connection: sa.Connection, _task: Task) -> int:
        return len(connection.execute(sa.select(tasks.c.id)).all())

    def newest(connection: sa.Connection, _task: Task) -> list[str]:
        return [task.title for task in usecases.list_tasks(connection, owner.id, TaskPage(limit=3))]

    jobs = [
        job("a", create(owner.id, "a")),
        job("b", create(owner.id, "b", find)),
        job("c", create(owner.id, "c", count)),
        job("d", create(owner.id, "d", newest)),
        job("e", create(owner.id, "e")),
    ]
    responses = [each.response for each in results_of(store, jobs) if isinstance(each, AnsweredJob)]
    assert [response.partition(b'"data":')[2].partition(b',"error"')[0] for response in responses[1:4]] == [
        b'"b"',
        b"3",
        b'["d","c","b"]',
    ]
    assert sorted(titles(engine).values()) == ["a", "b", "c", "d", "e"]
    assert len(inserts) == 4


def test_a_request_that_finds_nothing_costs_the_rows_before_it_no_second_run(
    engine: sa.Engine, store: Store, owner: User
) -> None:
    def miss(connection: sa.Connection) -> bytes:
        usecases.get_task(connection, owner.id, 2**40)
        raise AssertionError

    commits = count_commits(engine)
    jobs = [job(f"r{n}", create(owner.id, f"r{n}")) for n in range(3)]
    *created, missed = results_of(store, [*jobs, job("missing", miss)])
    assert isinstance(missed, AnsweredJob)
    assert missed.code == NotFound.code
    assert ids_of(created, jobs) == titles(engine)
    assert len(commits) == 1


def test_a_row_that_is_refused_is_its_own_requests_error_and_nobody_elses(
    engine: sa.Engine, store: Store, owner: User
) -> None:
    jobs = [job("a", create(owner.id, "a")), job("nobody", create(2**40, "nobody")), job("b", create(owner.id, "b"))]
    first, refused, last = results_of(store, jobs)
    assert isinstance(refused, AnsweredJob)
    assert refused.code == Unauthenticated.code
    assert ids_of([first, last], [jobs[0], jobs[2]]) == titles(engine)


def test_a_refused_row_is_not_forgotten_because_somebody_swallowed_the_error(
    engine: sa.Engine, store: Store, owner: User
) -> None:
    def swallow(connection: sa.Connection) -> bytes:
        try:
            usecases.list_tasks(connection, owner.id, TaskPage())
        except sa.exc.StatementError:
            return ok("swallow", "all is well")
        return ok("swallow", "nothing happened")

    jobs = [job("nobody", create(2**40, "nobody")), job("swallow", swallow), job("a", create(owner.id, "a"))]
    refused, swallowed, last = results_of(store, jobs)
    assert isinstance(refused, AnsweredJob)
    assert refused.code == Unauthenticated.code
    assert isinstance(swallowed, AnsweredJob)
    assert b"nothing happened" in swallowed.response
    assert ids_of([last], [jobs[2]]) == titles(engine)


@pytest.mark.parametrize("error", [NotFound("gone"), ZeroDivisionError("a defect")])
def test_a_request_that_fails_after_it_has_added_a_row_leaves_none(
    engine: sa.Engine, store: Store, owner: User, error: Exception
) -> None:
    def fail(_connection: sa.Connection, _task: Task) -> None:
        raise error

    jobs = [
        job("a", create(owner.id, "a")),
        job("fails", create(owner.id, "fails", fail)),
        job("b", create(owner.id, "b")),
    ]
    first, failed, last = results_of(store, jobs)
    assert isinstance(failed, FailedJob) or (isinstance(failed, AnsweredJob) and failed.code == NotFound.code)
    assert ids_of([first, last], [jobs[0], jobs[2]]) == titles(engine)
    assert sorted(titles(engine).values()) == ["a", "b"]


def test_who_adds_tasks_in_another_way_in_between_gets_ids_of_their_own(
    engine: sa.Engine, store: Store, owner: User
) -> None:
    plain = {"owner_id": owner.id, "title": "plain", "status": "todo", "priority": "low"}

    def insert(connection: sa.Connection, task: Task) -> int:
        connection.execute(tasks.insert(), {**plain, "created_at": NOW, "updated_at": NOW})
        return task.id

    jobs = [job(f"r{n}", create(owner.id, f"r{n}", insert if n % 2 else None)) for n in range(6)]
    answered = ids_of(results_of(store, jobs), jobs)
    found = titles(engine)
    assert len(found) == 9
    assert answered.items() <= found.items()


def test_a_transaction_of_one_request_gathers_nothing(store: Store, owner: User, inserts: list[str]) -> None:
    for name in ("a", "b"):
        results_of(store, [job(name, create(owner.id, name))])
    assert all("RETURNING" in statement for statement in inserts)
    assert len(inserts) == 2


def test_a_table_whose_ids_may_be_given_again_is_refused() -> None:
    columns = sa.Column("id", sa.Integer, primary_key=True), sa.Column("id", sa.Integer, primary_key=True)
    plain = sa.Table("things", sa.MetaData(), columns[0])
    elsewhere = sa.Table("things", sa.MetaData(), columns[1], schema="other", sqlite_autoincrement=True)
    for table in (plain, elsewhere):
        with pytest.raises(ValueError, match="cannot be gathered"):
            GatheredInsert(table)


def test_what_a_lost_batch_kept_back_is_not_added_by_the_next_transaction(
    engine: sa.Engine, store: Store, owner: User
) -> None:
    def lose() -> None:
        with store.begin(writes=True) as transaction:
            transaction.gather(5)
            usecases.create_task(transaction.connection, owner.id, NewTask("lost"), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lose()
    with store.begin(writes=True) as transaction:
        usecases.create_task(transaction.connection, owner.id, NewTask("kept"), NOW)
    assert list(titles(engine).values()) == ["kept"]
