"""Durable commits and a limit on every wait, on both engines."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.sql.engine import LOCK_TIMEOUT, STATEMENT_TIMEOUT, create_engine


def test_sqlite_commits_durably_lets_readers_read_and_holds_to_foreign_keys(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tasks.db'}")
    with engine.connect() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    assert values == ["wal", 2, 1, LOCK_TIMEOUT * 1000]
    engine.dispose()


def test_postgresql_waits_for_nothing_without_a_limit(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        names = ("synchronous_commit", "lock_timeout", "statement_timeout", "timezone")
        values = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    assert values == ["on", f"{LOCK_TIMEOUT}s", f"{STATEMENT_TIMEOUT}s", "UTC"]
    engine.dispose()


def test_a_new_sqlite_file_that_another_process_just_writes_to_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To switch such a file to the write-ahead log is refused at once, whatever the timeout."""
    file = tmp_path / "tasks.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused: list[float] = []

    def let_go(seconds: float) -> None:
        refused.append(seconds)
        other.close()

    monkeypatch.setattr(time, "sleep", let_go)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
    assert len(refused) == 1


def test_a_new_sqlite_file_that_stays_locked_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leveret.sql.engine.LOCK_TIMEOUT", 0.05)
    other = sqlite3.connect(tmp_path / "tasks.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine = create_engine(f"sqlite:///{tmp_path / 'tasks.db'}")
    with pytest.raises(sa.exc.OperationalError, match="locked"):
        engine.connect()
    other.close()
    engine.dispose()


def test_a_read_does_not_wait_for_a_writer_in_sqlite(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tasks.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (text)")
    with engine.begin() as writer:
        writer.exec_driver_sql("INSERT INTO notes VALUES ('x')")
        with engine.connect().execution_options(writes=False) as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM notes").scalar() == 0
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql+pymysql://host/db", "oracle://host/db"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="use sqlite or postgresql"):
        create_engine(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "needs the path of a file"),
        ("sqlite:///:memory:", "needs the path of a file"),
        ("sqlite:///file:tasks.db", "needs the path of a file"),
        ("sqlite:///tasks.db?timeout=1", "takes no parameters"),
    ],
)
def test_an_sqlite_database_that_is_not_a_file_is_refused(
    url: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        create_engine(url).connect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "unable to open database file ({path}: it is a folder)"),
        (
            lambda path: path.write_bytes(b"no database, but long enough to be read as its header" * 20),
            "is not a database ({path})",
        ),
        (lambda path: path.symlink_to("/dev/full"), "database or disk is full ({path})"),
        (
            lambda path: path.symlink_to("/no/such/folder/file"),
            "unable to open database file ({path}: it is a link to /no/such/folder/file, which is not there)",
        ),
    ],
    ids=["a folder", "another kind of file", "a full disk", "a folder that is not there"],
)
def test_an_error_about_the_file_names_the_file(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "tasks.db"
    make(path)
    engine = create_engine(f"sqlite:///{path}")
    with pytest.raises(sa.exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
    engine.dispose()
    assert str(caught.value.orig).endswith(words.format(path=path))
