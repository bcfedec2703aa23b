"""Forgetting old rows: in bounded steps, found by an index, and never a young one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.inbox.batch import AnsweredJob
from leveret.inbox.journal import Journal, end_within
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from leveret.sql.tables import crash_journal, processed_requests, rate_windows
from support.jobs import effects, job, results_of, stored_ids

AGE = timedelta(days=7)
OLD, YOUNG = [datetime.now(UTC) - age for age in (timedelta(days=8), timedelta(days=6))]
STEP = 50

CLOCKS = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
SET_BACK = {"options": "-c search_path=set_back,pg_catalog,public"}
"""Has the server use other functions in the place of its clocks (PostgreSQL, "The Schema Search Path")."""


def rows(count: int, moment: datetime) -> list[dict[str, Any]]:
    """Stored responses of one moment."""
    return [
        {
            "principal": "7",
            "id": f"{moment:%d}-{number}",
            "fingerprint": b"f" * 16,
            "version": "v1",
            "action": "leave",
            "response_json": "{}",
            "created_at": moment,
        }
        for number in range(count)
    ]


def windows(count: int, moment: datetime) -> list[dict[str, Any]]:
    ends = round(moment.timestamp() * 1000)
    return [{"principal": f"{moment:%d}-{number}", "ends_ms": ends, "taken": 1} for number in range(count)]


def deaths(count: int, moment: datetime) -> list[dict[str, Any]]:
    return [
        {"principal": "7", "id": f"{moment:%d}-{number}", "attempts": 1, "last_at": moment} for number in range(count)
    ]


def fill(engine: sa.Engine, old: int, young: int) -> None:
    """Store old and young rows in every table that is cleaned up."""
    with engine.begin() as connection:
        for count, moment in ((old, OLD), (young, YOUNG)):
            connection.execute(processed_requests.insert(), rows(count, moment))
            connection.execute(rate_windows.insert(), windows(count, moment))
            connection.execute(crash_journal.insert(), deaths(count, moment))


def counts(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        tables = (processed_requests, crash_journal, rate_windows)
        return [connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables]


def test_every_step_is_bounded_in_every_table_and_what_is_younger_stays(engine: sa.Engine, store: Store) -> None:
    fill(engine, old=120, young=30)
    left = []
    while store.forget_answers(AGE, STEP) == STEP:
        left.append(counts(engine))
    assert left == [[100, 100, 100], [50, 50, 50]]
    assert counts(engine) == [30, 30, 30]
    assert stored_ids(engine) == sorted(row["id"] for row in rows(30, YOUNG))
    assert store.forget_answers(timedelta(days=6, minutes=30), STEP) == 0


def test_a_journal_or_windows_alone_are_cleaned_up_to_their_end_as_well(engine: sa.Engine, store: Store) -> None:
    fill(engine, old=120, young=1)
    with engine.begin() as connection:
        connection.execute(processed_requests.delete())
    steps = [store.forget_answers(AGE, STEP) for _ in range(4)]
    assert steps == [50, 50, 20, 0]
    assert counts(engine) == [0, 1, 1]


def test_another_worker_answers_between_two_steps(
    engine: sa.Engine, store: Store, new_store: Callable[[], Store]
) -> None:
    fill(engine, old=120, young=1)
    other = new_store()
    while store.forget_answers(AGE, STEP) == STEP:
        with other.begin(writes=True) as transaction:
            assert transaction.find([RequestKey("7", "none")]) == {}
            end_within(transaction, RequestKey("7", "none"))
    assert counts(engine) == [1, 1, 1]


def test_how_old_a_row_is_the_databases_clock_says_and_it_says_so_alike_of_all_tables(
    engine: sa.Engine, store: Store
) -> None:
    before = store.clock()
    results_of(store, [job("one")])
    results_of(store, [job(f"many-{number}") for number in range(20)])
    Journal().begin(store, [RequestKey("7", "dead")])
    Journal().begin(store, [RequestKey("7", "dead")])
    after = store.clock()
    assert before.tzinfo is UTC
    with engine.connect() as connection:
        moments = [
            *connection.execute(sa.select(processed_requests.c.created_at)).scalars(),
            *connection.execute(sa.select(crash_journal.c.last_at)).scalars(),
        ]
    assert len(moments) == 22
    assert before <= min(moments) <= max(moments) <= after
    assert store.forget_answers(timedelta(minutes=5), STEP) == 0
    store.forget_answers(timedelta(minutes=-5), STEP)
    assert counts(engine) == [0, 0, 0]


def test_a_worker_whose_clock_is_more_than_the_retention_ahead_of_the_databases_removes_no_young_response(
    clean_postgres: str,
) -> None:
    """The database's clock is set back here, for one connection; so this process is the worker that is ahead."""
    engine, behind = create_engine(clean_postgres), sa.make_url(clean_postgres).update_query_dict(SET_BACK)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA set_back"))
        for name in CLOCKS:
            connection.execute(
                sa.text(
                    f"CREATE FUNCTION set_back.{name}() RETURNS timestamptz LANGUAGE sql STABLE"
                    f" RETURN pg_catalog.{name}() - interval '8 days'"
                )
            )
    worker = create_engine(behind.render_as_string(hide_password=False))
    store = Store(worker)
    try:
        assert datetime.now(UTC) - store.clock() > AGE
        results_of(store, [job("young", principal="7")])
        Journal().begin(store, [RequestKey("7", "dead")])
        store.lease({"7": 1}, timedelta(hours=1))
        assert store.forget_answers(AGE, STEP) == 0
        (again,) = results_of(store, [job("young", principal="7")])
        assert isinstance(again, AnsweredJob)
        assert again.replayed
        assert effects(engine) == ["young"]
        assert counts(engine) == [1, 1, 1]
        store.forget_answers(timedelta(hours=-2), STEP)
        assert counts(engine) == [0, 0, 0]
    finally:
        store.close()
        worker.dispose()
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA set_back CASCADE"))
        engine.dispose()


def test_rows_that_an_older_version_stored_by_its_workers_clock_are_as_old_as_they_say(
    engine: sa.Engine, store: Store
) -> None:
    with engine.begin() as connection:
        connection.execute(processed_requests.insert(), [*rows(1, OLD), *rows(1, YOUNG)])
    results_of(store, [job("new")])
    assert store.forget_answers(AGE, STEP) == 1
    assert stored_ids(engine) == sorted([f"{YOUNG:%d}-0", "new"])


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    """Keep what is executed meanwhile."""
    found: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, statement: str, parameters: Any, *_others: object) -> None:
        found.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    yield found
    sa.event.remove(engine, "before_cursor_execute", keep)


@pytest.mark.parametrize("table", ["processed_requests", "rate_windows"])
def test_old_rows_are_found_by_the_index_of_their_age_and_removed_by_their_key(
    engine: sa.Engine, store: Store, table: str
) -> None:
    fill(engine, old=60, young=20_000)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
    with statements(engine) as executed:
        store.forget_answers(AGE, STEP)
    plans = [plan(engine, text, values) for text, values in executed if f"FROM {table}" in text]
    assert len(plans) == 2
    for found in plans:
        assert "SEARCH" in found or "Index" in found, found
        assert "SCAN" not in found, found
        assert "Seq Scan" not in found, found


def plan(engine: sa.Engine, statement: str, values: Any) -> str:
    """How the engine would execute a statement; of many values the first."""
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    one = values[0] if isinstance(values, list) else values
    with engine.connect() as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, one))
