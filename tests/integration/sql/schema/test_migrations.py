"""An application's own migrations run after the framework's, in the same transaction."""

from pathlib import Path

import pytest

from leveret.errors import SettingsError, StorageFailed
from leveret.sql.schema import Schema, current, describe, framework, is_current, newest, prepare, upgrade
from support.databases import contents, execute, rows, tables
from support.former_databases import OURS
from support.guestbook import ADD_EMAIL, CREATE_GUESTS, NAMES, NOTHING, guests, with_migrations, write_revision

VERSION = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "100% of them" / "migrations"


def test_both_parts_are_made_by_one_call(empty_url: str, folder: Path) -> None:
    schema = with_migrations(folder)
    assert upgrade(empty_url, schema, NAMES)
    assert tables(empty_url) == {*framework.OURS, "alembic_version", "guests"}
    assert current(empty_url, schema, NAMES) == newest(schema) == "b2"
    assert describe(empty_url, schema, NAMES) == "b2, which this version needs"
    assert not upgrade(empty_url, schema, NAMES)


def test_only_the_migrations_that_are_missing_run(empty_url: str, folder: Path) -> None:
    write_revision(folder, "a1", None, CREATE_GUESTS)
    upgrade(empty_url, Schema(tables=guests(), migrations=folder), NAMES)
    execute(empty_url, "INSERT INTO guests VALUES (1, 'Ada')")
    schema = with_migrations(folder)
    assert describe(empty_url, schema, NAMES) == "a1, this version needs b2: guestbook db upgrade"
    assert upgrade(empty_url, schema, NAMES)
    assert rows(empty_url, "guests") == [(1, "Ada", None)]


def test_a_failing_migration_takes_the_frameworks_part_back_too(empty_url: str, folder: Path) -> None:
    with_migrations(folder)
    write_revision(folder, "c3", "b2", 'op.execute("CREATE TABLE rooms (id INTEGER)")\nop.execute("nonsense")')
    with pytest.raises(StorageFailed, match=r"nonsense|syntax error"):
        upgrade(empty_url, Schema(migrations=folder), NAMES)
    assert tables(empty_url) == set()


def test_an_error_in_the_code_of_a_migration_is_told_in_words_and_nothing_is_changed(
    empty_url: str, folder: Path
) -> None:
    with_migrations(folder)
    write_revision(folder, "c3", "b2", "raise LookupError('a mistake')")
    with pytest.raises(SettingsError, match=r"c3\.py:8: LookupError: a mistake\. Nothing was changed"):
        upgrade(empty_url, Schema(migrations=folder), NAMES)
    assert tables(empty_url) == set()


def test_migrations_join_a_database_that_the_application_had_before_it_came_to_the_framework(
    empty_url: str, folder: Path
) -> None:
    execute(
        empty_url,
        VERSION,
        "INSERT INTO alembic_version VALUES ('b2')",
        "CREATE TABLE guests (id INT, name TEXT, email TEXT)",
    )
    schema = with_migrations(folder)
    expected = "b2, and this version needs newer tables of the framework: guestbook db upgrade"
    assert describe(empty_url, schema, NAMES) == expected
    assert upgrade(empty_url, schema, NAMES)
    assert set(OURS) < tables(empty_url)


def test_postgresql_is_prepared_only_when_asked_and_sqlite_always(empty_url: str, folder: Path) -> None:
    schema = with_migrations(folder)
    if empty_url.startswith("postgresql"):
        with pytest.raises(SettingsError) as caught:
            prepare(empty_url, schema, NAMES)
        [problem] = caught.value.problems
        assert problem.startswith("GUESTBOOK_DATABASE_URL: this database does not have this version's tables: ")
        assert problem.endswith(": run `guestbook db upgrade`, or start the worker with --migrate")
        assert tables(empty_url) == set()
    prepare(empty_url, schema, NAMES, migrate=empty_url.startswith("postgresql"))
    assert is_current(empty_url, schema, NAMES)
    prepare(empty_url, schema, NAMES)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param([VERSION, "INSERT INTO alembic_version VALUES ('ff')"], "at revision 'ff', and", id="another"),
        pytest.param([VERSION, "INSERT INTO alembic_version VALUES ('b2')"], "no table guests", id="the same"),
        pytest.param([VERSION, "INSERT INTO alembic_version VALUES ('a1'), ('b2')"], "2 rows instead", id="rows"),
        pytest.param(["CREATE TABLE alembic_version (number INTEGER)"], "no column version_num", id="another table"),
    ],
)
def test_another_programs_database_is_refused_and_left_alone(
    empty_url: str, folder: Path, made: list[str], words: str
) -> None:
    execute(empty_url, *made)
    before, schema = contents(empty_url), with_migrations(folder)
    for enter in (upgrade, current, is_current, describe):
        with pytest.raises(SettingsError, match="belongs to a newer version or to another program") as caught:
            enter(empty_url, schema, NAMES)
        assert words in str(caught.value)
    assert contents(empty_url) == before


def test_a_table_that_no_migration_makes_is_missed_in_words(empty_url: str, folder: Path) -> None:
    schema = with_migrations(folder)
    metadata = guests("email")
    guests().tables["guests"].to_metadata(metadata, name="rooms")
    with pytest.raises(SettingsError) as caught:
        upgrade(empty_url, Schema(tables=metadata, migrations=folder), NAMES)
    assert "at revision 'b2', which is the newest, and has no table rooms" in str(caught.value)
    assert "that table needs a migration. Nothing was changed" in str(caught.value)
    assert tables(empty_url) == set()
    assert upgrade(empty_url, schema, NAMES)


def test_two_newest_revisions_are_refused_before_anything_is_changed(empty_url: str, folder: Path) -> None:
    schema = with_migrations(folder)
    write_revision(folder, "c3", "a1", ADD_EMAIL)
    with pytest.raises(SettingsError, match="there are 2 newest revisions"):
        upgrade(empty_url, schema, NAMES)
    assert tables(empty_url) == set()


def test_an_empty_folder_asks_for_nothing(empty_url: str, folder: Path) -> None:
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text("")
    schema = Schema(migrations=folder)
    assert upgrade(empty_url, schema, NAMES)
    assert not upgrade(empty_url, schema, NAMES)
    assert tables(empty_url) == framework.OURS
    assert current(empty_url, schema, NAMES) == newest(schema) == newest(NOTHING)
    assert describe(empty_url, schema, NAMES) == "0006, which this version needs"


def test_a_table_of_sqlite_is_made_anew_without_the_rows_that_refer_to_it(tmp_path: Path, folder: Path) -> None:
    url = f"sqlite:///{tmp_path / 'guests.db'}"
    visits = "CREATE TABLE visits (guest INTEGER REFERENCES guests (id) ON DELETE CASCADE)"
    write_revision(folder, "a1", None, f"{CREATE_GUESTS}\nop.execute({visits!r})")
    upgrade(url, Schema(migrations=folder), NAMES)
    execute(url, "INSERT INTO guests VALUES (1, 'Ada')", "INSERT INTO visits VALUES (1)")
    change = 'with op.batch_alter_table("guests", recreate="always") as table:\n    table.drop_column("name")'
    write_revision(folder, "b2", "a1", change)
    upgrade(url, Schema(migrations=folder), NAMES)
    assert rows(url, "guests") == [(1,)]
    assert rows(url, "visits") == [(1,)]


def test_a_migration_after_which_rows_refer_to_nothing_is_taken_back(tmp_path: Path, folder: Path) -> None:
    url = f"sqlite:///{tmp_path / 'guests.db'}"
    visits = "CREATE TABLE visits (guest INTEGER REFERENCES guests (id))"
    write_revision(folder, "a1", None, f"{CREATE_GUESTS}\nop.execute({visits!r})")
    upgrade(url, Schema(migrations=folder), NAMES)
    execute(url, "INSERT INTO guests VALUES (1, 'Ada')", "INSERT INTO visits VALUES (1), (7)")
    write_revision(folder, "b2", "a1", 'op.execute("DELETE FROM guests")')
    with pytest.raises(SettingsError, match="rows of visits refer to rows that are not in guests"):
        upgrade(url, Schema(migrations=folder), NAMES)
    assert rows(url, "guests") == [(1, "Ada")]
    write_revision(folder, "b2", "a1", "op.execute(\"UPDATE guests SET name = 'Eve'\")")
    assert upgrade(url, Schema(migrations=folder), NAMES)  # the row that referred to nothing before is nobody's fault


def test_an_application_may_begin_to_have_migrations(empty_url: str, folder: Path) -> None:
    upgrade(empty_url, NOTHING, NAMES)
    assert upgrade(empty_url, with_migrations(folder), NAMES)
    assert "guests" in tables(empty_url)
