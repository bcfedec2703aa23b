"""The framework's own tables: made, adopted, and refused where they are not ours."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from leveret.errors import SettingsError
from leveret.sql import create_engine, metadata
from leveret.sql.schema import current, describe, framework, is_current, newest, upgrade
from leveret.sql.schema.reading import columns_of
from support.databases import contents, execute, rows, tables
from support.former_databases import OURS, make_by_hand
from support.guestbook import NAMES, NOTHING

FIRST = ("processed_requests", "crash_journal")


def test_the_revisions_make_exactly_the_tables_that_the_store_uses(empty_url: str) -> None:
    upgrade(empty_url, NOTHING, NAMES)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": framework.VERSION_TABLE}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    engine.dispose()


def test_the_revisions_that_are_known_are_those_of_the_folder_and_the_last_has_todays_columns() -> None:
    scripts = ScriptDirectory(str(framework.FOLDER))
    assert list(framework.SHAPES) == [script.revision for script in reversed(list(scripts.walk_revisions()))]
    shape = {table.name: {column.name for column in table.columns} for table in framework.TABLES}
    assert framework.SHAPES[framework.NEWEST] == shape
    assert set(metadata.tables) == set(shape)


@pytest.mark.parametrize("revision", framework.SHAPES)
def test_each_revision_leads_to_the_columns_by_which_it_is_known(empty_url: str, revision: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(framework.FOLDER))
        command.upgrade(config, revision)
        assert columns_of(connection, framework.OURS - {framework.VERSION_TABLE}) == framework.SHAPES[revision]
    engine.dispose()
    assert current(empty_url, NOTHING, NAMES) == revision


def test_an_application_without_tables_of_its_own_has_the_frameworks_revision(empty_url: str) -> None:
    assert describe(empty_url, NOTHING, NAMES) == "no tables, this version needs 0006: guestbook db upgrade"
    assert current(empty_url, NOTHING, NAMES) is None
    assert upgrade(empty_url, NOTHING, NAMES)
    assert current(empty_url, NOTHING, NAMES) == newest(NOTHING) == "0006"
    assert describe(empty_url, NOTHING, NAMES) == "0006, which this version needs"
    assert not upgrade(empty_url, NOTHING, NAMES)
    assert tables(empty_url) == framework.OURS


@pytest.mark.parametrize("made", [FIRST, OURS])
def test_tables_that_were_made_by_hand_are_adopted_with_their_rows(empty_url: str, made: tuple[str, ...]) -> None:
    make_by_hand(empty_url, *made)
    before = {name: rows(empty_url, name) for name in FIRST}
    assert not is_current(empty_url, NOTHING, NAMES)
    assert upgrade(empty_url, NOTHING, NAMES)
    assert {name: rows(empty_url, name) for name in FIRST} == before
    assert all(before.values())
    assert rows(empty_url, "leveret_version") == [("0006",)]
    assert tables(empty_url) == framework.OURS
    assert not upgrade(empty_url, NOTHING, NAMES)


def test_tables_that_create_all_makes_now_are_adopted(empty_url: str) -> None:
    engine = create_engine(empty_url)
    metadata.create_all(engine)
    engine.dispose()
    assert is_current(empty_url, NOTHING, NAMES)
    assert upgrade(empty_url, NOTHING, NAMES)
    assert rows(empty_url, "leveret_version") == [("0006",)]


def test_an_upgrade_to_the_archive_leaves_what_operators_did(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(framework.FOLDER))
        command.upgrade(config, "0004")
    engine.dispose()
    execute(
        empty_url,
        "INSERT INTO leveret_audit VALUES ('1', '2026-01-01 00:00:00', 'ada', 'discard', 'why', '', '', '{}')",
        "INSERT INTO leveret_groups VALUES ('abc', 'open', 'note', 'ada', '2026-01-01 00:00:00')",
        "INSERT INTO processed_requests VALUES ('1', 'r', '0123456789abcdef', 'v1', 'a', '{}', '2026-01-01 00:00:00')",
    )
    known = ("leveret_audit", "leveret_groups", "processed_requests")
    before = {name: rows(empty_url, name) for name in known}
    assert upgrade(empty_url, NOTHING, NAMES)
    assert {name: rows(empty_url, name) for name in known} == before
    assert all(before.values())
    assert rows(empty_url, "leveret_archive") == rows(empty_url, "leveret_events") == []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(["CREATE TABLE processed_requests (id INTEGER)"], "no column action", id="another table"),
        pytest.param(["CREATE TABLE rate_windows (principal TEXT, ends_ms INT, taken INT)"], "no table", id="alone"),
        pytest.param(["CREATE TABLE leveret_version (number INTEGER)"], "no column version_num", id="another version"),
    ],
)
def test_tables_of_others_with_our_names_are_refused_and_left_alone(
    empty_url: str, made: list[str], words: str
) -> None:
    execute(empty_url, *made)
    refused_and_left_alone(empty_url, words)


def test_a_column_too_many_shows_that_a_table_is_not_ours(empty_url: str) -> None:
    make_by_hand(empty_url, *OURS)
    execute(empty_url, "ALTER TABLE processed_requests ADD COLUMN colour TEXT")
    refused_and_left_alone(empty_url, "its table processed_requests has a column colour")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("UPDATE leveret_version SET version_num = '0007'", "leveret_version is at revision '0007', and this version"),
        ("INSERT INTO leveret_version VALUES ('0001')", "its table leveret_version has 2 rows instead of one"),
        ("DROP TABLE crash_journal", "leveret_version is at revision '0006', and there is no table crash_journal"),
    ],
)
def test_a_newer_framework_or_a_part_of_one_is_refused_and_left_alone(empty_url: str, changed: str, words: str) -> None:
    upgrade(empty_url, NOTHING, NAMES)
    execute(empty_url, changed)
    refused_and_left_alone(empty_url, words)


def refused_and_left_alone(url: str, words: str) -> None:
    before = contents(url)
    for enter in (upgrade, current, is_current, describe):
        with pytest.raises(SettingsError) as caught:
            enter(url, NOTHING, NAMES)
        [problem] = caught.value.problems
        assert problem.startswith("GUESTBOOK_DATABASE_URL: this database belongs to a newer version or to another")
        assert words in problem
    assert contents(url) == before


def test_an_emptied_version_table_is_filled_by_what_the_tables_show(empty_url: str) -> None:
    upgrade(empty_url, NOTHING, NAMES)
    execute(empty_url, "DELETE FROM leveret_version")
    assert upgrade(empty_url, NOTHING, NAMES)
    assert rows(empty_url, "leveret_version") == [("0006",)]


def test_our_tables_stand_beside_those_of_another_program_with_revisions(empty_url: str) -> None:
    others = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"
    execute(empty_url, others, "INSERT INTO alembic_version VALUES ('ab12'), ('cd34')")
    assert upgrade(empty_url, NOTHING, NAMES)
    assert rows(empty_url, "alembic_version") == [("ab12",), ("cd34",)]
