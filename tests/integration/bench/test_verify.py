"""What a worker left in the database is compared with what was asked of it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bench.case import RunFailed
from bench.databases import Database, new_database
from bench.rig import Rig
from bench.verify import expect, look
from leveret.sql.tables import processed_requests
from taskmanager.storage.tables import tasks


@pytest.fixture
def database(rig: Rig) -> Iterator[Database]:
    """One that was filled before the run."""
    with new_database(rig, "sqlite", tasks=30, responses=20) as made:
        yield made


def write(database: Database, *ids: str, task: bool = True, response: bool = True) -> None:
    """Do what a worker does for requests with these ids, or half of it."""
    engine, now = database.connect(), datetime.now(UTC)
    with engine.begin() as connection:
        for each in ids:
            if task:
                values = {"owner_id": 1, "title": each, "status": "todo", "priority": "low"}
                connection.execute(tasks.insert(), {**values, "created_at": now, "updated_at": now})
            if response:
                row = {"principal": "1", "id": each, "fingerprint": bytes(16), "version": "v1", "action": "create_task"}
                connection.execute(processed_requests.insert(), {**row, "response_json": "{}", "created_at": now})
    engine.dispose()


def test_a_filled_database_has_its_rows(database: Database) -> None:
    engine = database.connect()
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(processed_requests)) == 20
        assert connection.execute(sa.select(sa.func.count(), sa.func.count(sa.distinct(tasks.c.title)))).one() == (
            30,
            30,
        )
    engine.dispose()


def test_one_task_and_one_response_for_each_write_are_right(database: Database) -> None:
    before = look(database)
    write(database, "ask-1-0", "ask-1-1", "ask-12-0")
    expect(database, before, {"ask-1": 2, "ask-12": 1})


@pytest.mark.parametrize(
    ("ids", "how", "complaint"),
    [
        (["ask-1-1"], {}, ""),
        ([], {}, "2 writes made 1 tasks"),
        (["ask-1-1"], {"response": False}, "2 writes stored 1 responses"),
        (["ask-1-1"], {"task": False}, "2 writes made 1 tasks"),
        (["ask-1-1", "ask-1-2"], {}, "2 writes made 3 tasks"),
        (["ask-2-1"], {}, "2 writes of ask-1 made 1 tasks and 1 responses"),
    ],
)
def test_whatever_is_missing_or_too_much_is_found(
    database: Database, ids: list[str], how: dict[str, bool], complaint: str
) -> None:
    before = look(database)
    write(database, "ask-1-0")
    write(database, *ids, **how)
    if not complaint:
        expect(database, before, {"ask-1": 2})
        return
    with pytest.raises(RunFailed, match=complaint):
        expect(database, before, {"ask-1": 2})


def test_an_effect_that_happened_twice_is_found(database: Database) -> None:
    before = look(database)
    write(database, "ask-1-0", "ask-1-1")
    write(database, "ask-1-0", response=False)
    with pytest.raises(RunFailed, match="1 tasks exist twice"):
        expect(database, before, {"ask-1": 2})
