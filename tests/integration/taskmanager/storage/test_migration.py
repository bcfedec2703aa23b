from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from leveret.errors import StorageFailed, StorageUnavailable
from leveret.sql import create_engine
from leveret.sql import metadata as leveret_metadata
from leveret.sql.schema import describe, newest
from support import migration
from support.databases import execute, rows, structure, tables
from support.former_databases import make_former
from taskmanager.actions import app
from taskmanager.storage.tables import metadata


def test_an_empty_database_is_upgraded_once(empty_url: str) -> None:
    assert migration.current(empty_url) is None
    assert not migration.is_current(empty_url)
    assert migration.upgrade(empty_url)
    assert migration.is_current(empty_url)
    assert not migration.upgrade(empty_url)


def test_the_newest_revision_is_the_one_that_the_scripts_lead_to() -> None:
    scripts = ScriptDirectory(str(app.schema.migrations))
    assert newest(app.schema) == scripts.get_current_head()


def test_the_migrations_make_exactly_the_tables_that_the_queries_use(empty_url: str) -> None:
    migration.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": lambda name, *_: name != "leveret_version"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, [metadata, leveret_metadata]) == []  # type: ignore[arg-type]  # as env.py's target_metadata
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    execute(empty_url, "CREATE TABLE tasks (in_the_way INTEGER)")
    with pytest.raises(StorageFailed, match="tasks"):
        migration.upgrade(empty_url)
    assert tables(empty_url) == {"tasks"}


def test_to_ask_for_the_revision_makes_no_file(tmp_path: Path) -> None:
    assert migration.current(f"sqlite:///{tmp_path / 'absent.db'}") is None
    assert not any(tmp_path.iterdir())


def test_a_folder_that_does_not_exist_is_an_outage_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="unable to open database file"):
        migration.upgrade(f"sqlite:///{tmp_path / 'nowhere' / 'tasks.db'}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear database, " * 100)
    before = file.read_bytes()
    with pytest.raises(StorageFailed, match="not a database"):
        migration.upgrade(f"sqlite:///{file}")
    assert file.read_bytes() == before


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_database_of_a_version_before_the_frameworks_revisions_goes_on_with_all_its_rows(
    empty_url: str, revision: str
) -> None:
    make_former(empty_url, revision)
    kept = ("users", "tasks", "processed_requests", "crash_journal")
    before = {name: rows(empty_url, name) for name in kept}
    assert migration.current(empty_url) == revision
    assert migration.upgrade(empty_url)
    after = {name: rows(empty_url, name) for name in kept}
    assert after == {**before, "tasks": [(*task, 1) for task in before["tasks"]]}, "each task has version 1"
    assert all(before.values())
    assert rows(empty_url, "alembic_version") == [("0003",)]
    assert rows(empty_url, "leveret_version") == [("0006",)]
    assert not migration.upgrade(empty_url)


def test_a_database_of_the_version_before_has_to_be_upgraded_once_so_that_it_names_its_application(
    empty_url: str,
) -> None:
    make_former(empty_url, "0002")
    execute(
        empty_url,
        "ALTER TABLE tasks ADD COLUMN version INTEGER DEFAULT 1 NOT NULL",
        "UPDATE alembic_version SET version_num = '0003'",
    )
    assert not migration.is_current(empty_url)
    expected = "0003, and this version needs newer tables of the framework: taskmanager db upgrade"
    assert describe(empty_url, app.schema, app.names) == expected
    migration.upgrade(empty_url)
    assert describe(empty_url, app.schema, app.names) == "0003, which this version needs"
    assert rows(empty_url, "leveret_application") == [("taskmanager",)]


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_database_that_goes_on_ends_as_a_new_one(empty_url: str, another_empty_url: str, revision: str) -> None:
    migration.upgrade(empty_url)
    make_former(another_empty_url, revision)
    migration.upgrade(another_empty_url)
    assert _structure(another_empty_url) == _structure(empty_url)


def _structure(url: str) -> dict[str, object]:
    """All but the application's version table, whose key has another name where it was made by hand."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {name: what for name, what in structure(connection).items() if name != "alembic_version"}
    engine.dispose()
    return found


def test_the_command_says_where_a_database_stands(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    assert describe(url, app.schema, app.names) == "no tables, this version needs 0003: taskmanager db upgrade"
    make_former(url, "0001")
    assert describe(url, app.schema, app.names) == "0001, this version needs 0003: taskmanager db upgrade"
    migration.upgrade(url)
    assert describe(url, app.schema, app.names) == "0003, which this version needs"
