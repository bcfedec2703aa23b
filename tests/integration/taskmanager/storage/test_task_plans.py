"""How much the database reads for a page does not depend on how many tasks there are."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from leveret.sql import create_engine
from leveret.sql.tables import UtcDateTime
from support import migration
from support.jobs import NOW
from taskmanager import usecases
from taskmanager.domain import NewUser, Priority, Status, TaskPage, User
from taskmanager.storage import task_queries

FEW = 300
MANY = 30_000
PAGES = [
    TaskPage(status=status, priority=priority, before_id=before_id)
    for status, priority in product((None, Status.TODO, Status.DONE), (None, Priority.MEDIUM, Priority.HIGH))
    for before_id in (None, 2**40)
]
"""Most tasks are to do and of medium priority; none is done and few are of high priority."""

FILL = sa.text(
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
    " INSERT INTO tasks (owner_id, title, status, priority, created_at, updated_at)"
    " SELECT :owner, 'Write', 'todo', CASE WHEN i <= 5 THEN 'high' ELSE 'medium' END, :now, :now FROM n"
).bindparams(sa.bindparam("now", NOW, UtcDateTime), sa.bindparam("owner", type_=sa.BigInteger))


def fill(connection: sa.Connection, owner: User, count: int) -> None:
    connection.execute(FILL, {"owner": owner.id, "count": count})


def two_owners(connection: sa.Connection) -> tuple[User, User]:
    """Make one owner with few tasks, one with many, and then one whose tasks are newer than all of theirs."""
    few, many, newest = (
        usecases.register(connection, NewUser(f"{name}@example.com"), "hash", NOW) for name in ("few", "many", "newest")
    )
    fill(connection, few, FEW)
    fill(connection, many, MANY)
    fill(connection, newest, FEW)
    return few, many


def steps(connection: sa.Connection, owner: User, page: TaskPage) -> int:
    """Count the steps of SQLite's virtual machine that a page takes."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    driver: Any = connection.connection.driver_connection
    usecases.list_tasks(connection, owner.id, page)  # the first time, statements are prepared, which takes steps too
    driver.set_progress_handler(count, 1)
    usecases.list_tasks(connection, owner.id, page)
    driver.set_progress_handler(None, 0)
    return taken


@pytest.fixture
def sqlite_connection(tmp_path: Path) -> Iterator[sa.Connection]:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    migration.upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def postgres_connection(clean_postgres: str) -> Iterator[sa.Connection]:
    engine = create_engine(clean_postgres)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:  # VACUUM wants it
        yield connection
    engine.dispose()


def test_sqlite_takes_as_many_steps_for_a_page_of_many_tasks_as_of_few(sqlite_connection: sa.Connection) -> None:
    few, many = two_owners(sqlite_connection)
    for page in PAGES:
        expected = steps(sqlite_connection, few, page)
        assert 0 < steps(sqlite_connection, many, page) <= expected * 1.3, page


def test_sqlite_counts_an_owners_tasks_from_the_index_alone(sqlite_connection: sa.Connection) -> None:
    plan = sqlite_connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written(task_queries.FIGURES_OF_ONE, {'owner': 1})}")
    assert [row[3] for row in plan] == ["SEARCH tasks USING COVERING INDEX ix_tasks_owner_kind_newest (owner_id=?)"]


def test_postgresql_reads_no_more_rows_than_a_page_has(postgres_connection: sa.Connection) -> None:
    _, many = two_owners(postgres_connection)
    postgres_connection.exec_driver_sql("VACUUM ANALYZE tasks")
    for page in PAGES:
        query, values = task_queries.page_query(many.id, page)
        assert isinstance(query.statement, sa.Select)
        nodes = list(executed(postgres_connection, written(query.statement, values)))
        scans = [node for node in nodes if "Scan" in node["Node Type"] and "Relation Name" in node]
        assert scans, page
        for scan in scans:
            assert "Index" in scan["Node Type"], (page, scan)
            read = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
            assert read * scan["Actual Loops"] <= page.limit, (page, scan)


def test_postgresql_counts_an_owners_tasks_from_the_index_alone(postgres_connection: sa.Connection) -> None:
    few, _ = two_owners(postgres_connection)
    postgres_connection.exec_driver_sql("VACUUM ANALYZE tasks")
    nodes = executed(postgres_connection, written(task_queries.FIGURES_OF_ONE, {"owner": few.id}))
    [scan] = [node for node in nodes if "Relation Name" in node]
    assert (scan["Node Type"], scan["Actual Rows"]) == ("Index Only Scan", FEW)


def written(query: sa.Select[Any], values: dict[str, Any]) -> str:
    """Write a query with its values in it; both engines take this form."""
    return str(query.params(values).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


def executed(connection: sa.Connection, query: str) -> Iterator[dict[str, Any]]:
    """Run a query and give every node of the plan with the rows that it really read."""
    [tree] = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}").scalar_one()
    waiting = [tree["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        yield node
