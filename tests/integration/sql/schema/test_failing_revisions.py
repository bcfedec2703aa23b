"""What a revision raises, or makes otherwise than the application's tables are, is told in words, and all is undone."""

from pathlib import Path

import pytest

from leveret.errors import SettingsError, StorageFailed
from leveret.sql.schema import Schema, is_current, newest, prepare, revise, upgrade
from support.databases import contents, execute, rows, tables
from support.guestbook import CREATE_GUESTS, NAMES, guests, with_migrations, write_revision

ADOPTS = CREATE_GUESTS.removesuffix(")") + ", if_not_exists=True)"


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("{}['colour']", "KeyError: 'colour'"),
        ("raise SystemExit(5)", "SystemExit: 5"),
        ("op.no_such_operation()", "AttributeError: "),
        ("op.create_table('rooms', sa.Column('a', sa.types.NullType()))", "CompileError: "),
    ],
)
def test_what_a_revision_raises_is_told_with_its_line_and_nothing_is_changed(
    empty_url: str, tmp_path: Path, raised: str, words: str
) -> None:
    folder = tmp_path / "app" / "migrations"
    write_revision(folder, "a1", None, f"{CREATE_GUESTS}\n{raised}")
    with pytest.raises(SettingsError) as caught:
        prepare(empty_url, Schema(migrations=folder), NAMES, migrate=True)
    [problem] = caught.value.problems
    assert problem.startswith(f"{folder / 'versions' / 'a1.py'}:9: {words}")
    assert problem.endswith(". Nothing was changed")
    assert tables(empty_url) == set()


@pytest.mark.parametrize("first", ["raise SystemExit(5)", "{}['colour']"])
def test_a_revision_that_fails_when_it_is_read_is_told_in_words(empty_url: str, tmp_path: Path, first: str) -> None:
    folder = tmp_path / "app" / "migrations"
    write_revision(folder, "a1", None, CREATE_GUESTS)
    file = folder / "versions" / "a1.py"
    file.write_text(f"{file.read_text()}\n{first}\n")
    schema = Schema(tables=guests(), migrations=folder)
    with pytest.raises(SettingsError, match=r"a1\.py:10: .*\. Nothing was changed"):
        upgrade(empty_url, schema, NAMES)
    assert tables(empty_url) == set()
    file.write_text(f"{first}\nrevision = str('a1')\n")
    with pytest.raises(SettingsError, match=r"its revisions cannot be read: (SystemExit: 5|KeyError: 'colour')"):
        upgrade(empty_url, schema, NAMES)


def test_a_statement_that_the_database_refuses_stays_an_error_of_the_database(empty_url: str, tmp_path: Path) -> None:
    write_revision(tmp_path / "app" / "migrations", "a1", None, "op.execute('DROP TABLE nowhere')")
    with pytest.raises(StorageFailed, match="nowhere"):
        upgrade(empty_url, Schema(migrations=tmp_path / "app" / "migrations"), NAMES)
    assert tables(empty_url) == set()


def test_a_table_of_somebody_else_is_not_taken_over_by_the_first_revision(empty_url: str, tmp_path: Path) -> None:
    execute(empty_url, "CREATE TABLE guests (id INTEGER, hotel TEXT)", "INSERT INTO guests VALUES (1, 'Ritz')")
    write_revision(tmp_path / "app" / "migrations", "a1", None, ADOPTS)
    before = contents(empty_url) if empty_url.startswith("postgresql") else None
    with pytest.raises(SettingsError) as caught:
        upgrade(empty_url, Schema(tables=guests(), migrations=tmp_path / "app" / "migrations"), NAMES)
    [problem] = caught.value.problems
    assert (
        "at revision 'a1', which is the newest, the table guests of this database has no column name: that" in problem
    )
    assert problem.endswith(
        "belongs to another program, or that column needs a migration (`guestbook db revision`). Nothing was changed"
    )
    assert tables(empty_url) == {"guests"}
    assert rows(empty_url, "guests") == [(1, "Ritz")]
    assert before is None or contents(empty_url) == before


def test_a_column_that_no_migration_makes_is_told_at_start(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "app" / "migrations")
    upgrade(empty_url, schema, NAMES)
    more = Schema(tables=guests("email", "town"), migrations=schema.migrations)
    for enter in (upgrade, is_current):
        with pytest.raises(SettingsError, match="table guests of this database has no column town: that table belongs"):
            enter(empty_url, more, NAMES)
    assert revise(empty_url, more, "towns", NAMES)
    assert upgrade(empty_url, more, NAMES)
    assert is_current(empty_url, more, NAMES)


def test_a_folder_that_is_missing_is_told_with_the_applications_own_command(empty_url: str, tmp_path: Path) -> None:
    schema = Schema(migrations=tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="it is not an Alembic folder; `guestbook db revision` makes one"):
        upgrade(empty_url, schema, NAMES)
    with pytest.raises(SettingsError, match=r"it is not an Alembic folder$"):
        newest(schema)
