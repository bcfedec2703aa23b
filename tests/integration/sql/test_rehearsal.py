"""A store that undoes everything: what a transaction says holds within it, and nothing is left."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.errors import RowRefused, StorageFailed
from leveret.inbox.batch import AnsweredJob, FailedJob, Inbox
from leveret.inbox.job import Job
from leveret.inbox.journal import Journal
from leveret.sql import create_engine
from leveret.sql.records import RequestKey
from leveret.sql.rehearsal import RehearsalStore
from leveret.sql.schema import Schema, make_all
from leveret.sql.shared_connection import NotUndone
from support.databases import rows

METADATA = sa.MetaData()
SHELVES = sa.Table("shelves", METADATA, sa.Column("id", sa.Integer, primary_key=True))
DEFERRED = sa.ForeignKey("shelves.id", deferrable=True, initially="DEFERRED")
BOOKS = sa.Table("books", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("shelf", DEFERRED))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"


@pytest.fixture
def inbox(url: str) -> Iterator[Inbox]:
    engine = create_engine(url)
    with engine.begin() as connection:
        make_all(connection, Schema(tables=METADATA), "shop")
        connection.execute(SHELVES.insert().values(id=1))
    store = RehearsalStore(engine)
    yield Inbox(store, Journal())
    store.close()
    engine.dispose()


def writing(run: Callable[[sa.Connection], object]) -> Job:
    def response(connection: sa.Connection) -> bytes:
        run(connection)
        return b"{}"

    return Job(RequestKey("7", "a"), b"f" * 16, "v1", "keep", stores=True, run=response)


def put(shelf: int) -> Callable[[sa.Connection], object]:
    return lambda connection: connection.execute(BOOKS.insert().values(id=1, shelf=shelf))


def test_what_succeeds_is_answered_and_leaves_nothing(inbox: Inbox, url: str) -> None:
    for _ in range(2):
        assert isinstance(inbox.run_alone(writing(put(1))), AnsweredJob)
    assert (rows(url, "books"), rows(url, "processed_requests")) == ([], [])


def test_a_constraint_that_the_commit_would_check_is_checked(inbox: Inbox) -> None:
    result = inbox.run_alone(writing(put(2)))
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed | RowRefused)
    assert isinstance(inbox.run_alone(writing(put(1))), AnsweredJob)


def by_the_driver(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.commit()


def by_another_connection(connection: sa.Connection) -> None:
    with connection.engine.begin() as other:
        other.execute(BOOKS.insert().values(id=1, shelf=1))


def by_itself(connection: sa.Connection) -> None:
    connection.commit()


def by_a_statement(connection: sa.Connection) -> None:
    connection.exec_driver_sql("COMMIT")


def caught(commit: Callable[[sa.Connection], None]) -> Callable[[sa.Connection], None]:
    def run(connection: sa.Connection) -> None:
        connection.execute(BOOKS.insert().values(id=1, shelf=1))
        with pytest.raises(RuntimeError):
            commit(connection)

    return run


@pytest.mark.parametrize("commit", [by_the_driver, by_another_connection])
def test_an_action_that_would_commit_beside_its_transaction_is_not_undone_but_kept_from_it(
    inbox: Inbox, url: str, commit: Callable[[sa.Connection], None]
) -> None:
    result = inbox.run_alone(writing(caught(commit)))
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, NotUndone)
    assert rows(url, "books") == []


@pytest.mark.parametrize("commit", [by_itself, by_a_statement])
def test_an_action_that_would_end_its_transaction_fails_as_in_a_worker(
    inbox: Inbox, url: str, commit: Callable[[sa.Connection], None]
) -> None:
    result = inbox.run_alone(writing(caught(commit)))
    assert isinstance(result, FailedJob)
    assert type(result.error) is RuntimeError
    assert rows(url, "books") == []


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_what_an_action_raises_leaves_nothing_whatever_it_is(inbox: Inbox, url: str, error: BaseException) -> None:
    def end(connection: sa.Connection) -> None:
        connection.execute(BOOKS.insert().values(id=1, shelf=1))
        raise error

    assert inbox.run_alone(writing(end)) == FailedJob(error)
    assert rows(url, "books") == []
