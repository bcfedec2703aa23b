"""A database that is not one for this version is refused in words, and nothing in it is touched."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leveret.errors import SettingsError
from support import migration
from support.databases import contents, execute
from taskmanager.actions import app
from taskmanager.settings import Settings
from testbed.postgres import PostgresServer

ALEMBIC = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tasks.db'}"
    return str(request.getfixturevalue("postgres_url"))


def doors(url: str) -> Iterator[Callable[[], object]]:
    """All that commands do first with a database."""
    settings = Settings(database_url=url, jwt_secret=b"s" * 32)
    yield lambda: app.prepare_database(settings)
    yield lambda: app.prepare_database(settings, migrate=True)
    yield lambda: migration.upgrade(url)
    yield lambda: migration.current(url)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param([ALEMBIC, "INSERT INTO alembic_version VALUES ('ab12cd34ef56')"], "'ab12cd34ef56'", id="another"),
        pytest.param([ALEMBIC, "INSERT INTO alembic_version VALUES ('0002')"], "no table users", id="the same number"),
        pytest.param(["CREATE TABLE alembic_version (number INTEGER)"], "no column version_num", id="another table"),
        pytest.param([ALEMBIC, "INSERT INTO alembic_version VALUES ('a'), ('b')"], "2 rows", id="two branches"),
    ],
)
def test_another_programs_database_is_refused_and_left_alone(url: str, made: list[str], words: str) -> None:
    execute(url, *made)
    refused_and_left_alone(url, words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("UPDATE alembic_version SET version_num = '0004'", "revision '0004', and this version knows 0001, 0002, 0003"),
        ("INSERT INTO alembic_version VALUES ('0001')", "2 rows"),
    ],
)
def test_a_database_of_a_newer_version_or_with_two_revisions_is_refused_and_left_alone(
    url: str, changed: str, words: str
) -> None:
    migration.upgrade(url)
    execute(url, changed)
    refused_and_left_alone(url, words)


def refused_and_left_alone(url: str, words: str) -> None:
    before = contents(url)
    for enter in doors(url):
        with pytest.raises(SettingsError) as caught:
            enter()
        [problem] = caught.value.problems
        assert problem.startswith("TASKMANAGER_DATABASE_URL: this database belongs to a newer version or to another")
        assert words in problem
        assert "db upgrade" not in problem
    assert contents(url) == before


def test_an_empty_version_table_is_that_of_a_database_which_was_never_migrated(url: str) -> None:
    execute(url, ALEMBIC)
    assert migration.current(url) is None


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused_and_left_alone(postgres: PostgresServer, encoding: str) -> None:
    with postgres.database(encoding) as url:
        for enter in doors(url):
            with pytest.raises(SettingsError, match=f"encoding of this database is {encoding}, and UTF8 is needed"):
                enter()
        assert contents(url) == {}
