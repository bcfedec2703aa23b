"""How many statements requests cost the database: about as many for a batch of 64 as for one of two."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.inbox.batch import AnsweredJob, Job, Result
from leveret.sql import Store
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import Work
from support.handmade_deliveries import delivery_of
from support.jobs import NOW, count_commits, results_of
from support.serving import keyring
from taskmanager import usecases
from taskmanager.actions import Services, app
from taskmanager.domain import NewUser, User
from taskmanager.passwords import Passwords

Make = Callable[[str, str, dict[str, Any]], Job]

KNOWN, IDS = 1, 1
"""What a batch of writes needs of each, whatever its size."""

TABLES = 3
"""Those that it adds rows to: tasks, responses and events."""


@pytest.fixture
def owner(engine: sa.Engine) -> User:
    with engine.begin() as connection:
        return usecases.register(connection, NewUser("owner@example.com"), "hash", NOW)


@pytest.fixture
def make(owner: User) -> Iterator[Make]:
    """Make the job of one request, as a worker makes it of a delivery."""
    keys, passwords = keyring(), Passwords()
    intake = Intake(app, keys)
    jobs: Jobs = Jobs(Services(passwords, keys, timedelta(hours=1)))
    token = keys.issue(str(owner.id), timedelta(hours=1))

    def job(request_id: str, action: str, data: dict[str, Any]) -> Job:
        body = {"id": request_id, "version": "v1", "action": action, "data": data, "auth": token}
        work = intake.take(delivery_of(body))
        assert isinstance(work, Work)
        return jobs.job(work)

    yield job
    passwords.close()


@pytest.fixture
def statements(engine: sa.Engine, store: Store) -> list[str]:
    """What is executed from now on, without begin and commit."""
    store.ping()  # a new connection asks for more
    seen: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *execution: seen.append(execution[2]))
    return seen


def for_rows(engine: sa.Engine, count: int) -> int:
    """Statements that add so many rows to a table: SQLite's take 64, 32, 16 rows and so on."""
    return count.bit_count() if engine.dialect.name == "sqlite" else 1


def answered(results: list[Result]) -> bool:
    return all(isinstance(result, AnsweredJob) and result.code is None for result in results)


@pytest.mark.parametrize("size", [2, 10, 64])
def test_a_batch_of_writes_costs_a_few_statements_and_one_commit_whatever_its_size(
    engine: sa.Engine, store: Store, make: Make, statements: list[str], size: int
) -> None:
    commits = count_commits(engine)
    assert answered(results_of(store, [make(f"r{n}", "create_task", {"title": "x"}) for n in range(size)]))
    assert len(statements) == KNOWN + IDS + TABLES * for_rows(engine, size), statements
    assert len(commits) == 1


def test_a_single_write_costs_four_statements(store: Store, make: Make, statements: list[str]) -> None:
    assert answered(results_of(store, [make("r", "create_task", {"title": "x"})]))
    assert len(statements) == KNOWN + TABLES, statements


@pytest.mark.parametrize("size", [1, 2, 64])
def test_a_batch_of_requests_that_were_answered_before_costs_one_look(
    store: Store, make: Make, statements: list[str], size: int
) -> None:
    jobs = [make(f"r{n}", "create_task", {"title": "x"}) for n in range(size)]
    assert answered(results_of(store, jobs))
    statements.clear()
    assert answered(results_of(store, jobs))
    assert len(statements) == KNOWN, statements


def test_a_batch_of_reads_costs_one_statement_each_and_no_look_at_the_responses(
    store: Store, make: Make, statements: list[str]
) -> None:
    assert answered(results_of(store, [make(f"r{n}", "list_tasks", {}) for n in range(10)]))
    assert len(statements) == 10, statements
