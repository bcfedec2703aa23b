"""New revisions are written from the difference between a database and the application's tables."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.errors import SettingsError, StorageUnavailable
from leveret.sql.schema import Schema, is_current, revise, upgrade
from leveret.sql.tables import UtcDateTime
from support.databases import contents, execute, rows, tables
from support.guestbook import NAMES, guests, with_migrations, write_revision

OWN_CONNECTION = """
import sqlalchemy as sa
from alembic import context
with sa.create_engine("sqlite://").connect() as connection:
    context.configure(connection=connection, target_metadata=sa.MetaData())
    context.run_migrations()
"""


class Colour(sa.types.TypeDecorator[str]):
    """A type of the application's own."""

    impl = sa.String(16)
    cache_ok = True


def written(schema: Schema) -> list[str]:
    assert schema.migrations is not None
    return sorted(path.name for path in (schema.migrations / "versions").glob("*.py"))


def test_the_first_revision_makes_its_folder_and_all_tables(empty_url: str, tmp_path: Path) -> None:
    metadata = guests()
    sa.Index("ix_guests_name", metadata.tables["guests"].c.name)
    schema = Schema(tables=metadata, migrations=tmp_path / "app" / "migrations")
    file = revise(empty_url, schema, "the guest book", NAMES)
    assert file is not None
    assert [file.name] == written(schema)
    assert file.name.endswith("_the_guest_book.py")
    assert upgrade(empty_url, schema, NAMES)
    assert {"guests", "alembic_version"} < tables(empty_url)
    assert is_current(empty_url, schema, NAMES)


def test_the_first_revision_goes_on_from_tables_that_were_made_without_revisions(
    empty_url: str, tmp_path: Path
) -> None:
    metadata = guests()
    sa.Index("ix_guests_name", metadata.tables["guests"].c.name)
    upgrade(empty_url, Schema(tables=metadata), NAMES)
    execute(empty_url, "INSERT INTO guests VALUES (1, 'Ada')")
    before = tables(empty_url)
    schema = Schema(tables=metadata, migrations=tmp_path / "migrations")
    revise(empty_url, schema, "begin", NAMES)
    assert tables(empty_url) == before
    assert upgrade(empty_url, schema, NAMES)
    assert rows(empty_url, "guests") == [(1, "Ada")]
    more = Schema(tables=guests("email"), migrations=schema.migrations)
    metadata = more.tables or sa.MetaData()
    sa.Index("ix_guests_name", metadata.tables["guests"].c.name)
    assert revise(empty_url, more, "emails", NAMES)
    assert upgrade(empty_url, more, NAMES)
    assert rows(empty_url, "guests") == [(1, "Ada", None)]


def test_nothing_is_written_where_nothing_has_changed(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "migrations")
    upgrade(empty_url, schema, NAMES)
    files = sorted((tmp_path / "migrations").rglob("*.[pm]*"))
    assert revise(empty_url, schema, "nothing", NAMES) is None
    assert sorted((tmp_path / "migrations").rglob("*.[pm]*")) == files
    nowhere = Schema(tables=sa.MetaData(), migrations=tmp_path / "app" / "migrations")
    (tmp_path / "app").mkdir()
    assert revise(f"sqlite:///{tmp_path / 'none.db'}", nowhere, "nothing", NAMES) is None
    assert not any((tmp_path / "app").iterdir())


@pytest.mark.parametrize("empty", [False, True])
def test_the_head_of_a_written_revision_is_formatted_as_usual(empty_url: str, tmp_path: Path, empty: bool) -> None:
    metadata = sa.MetaData()
    sa.Table("visits", metadata, sa.Column("colour", Colour))
    schema = Schema(tables=metadata, migrations=tmp_path / "app" / "migrations")
    file = revise(empty_url, schema, "begin", NAMES, empty=empty)
    assert file is not None
    head = file.read_text().partition("\n\n\ndef upgrade")[0].splitlines()
    own = [] if empty else [f"import {__name__}"]
    assert head[0] == '"""begin'
    assert head[3] == "Follows: nothing"
    imports = sorted(["import sqlalchemy as sa", *own])
    revision = file.name.partition("_")[0]
    last = [*imports, "from alembic import op", "", f'revision = "{revision}"', "down_revision = None"]
    assert head[5:] == ['"""', "", *last]


def test_a_revision_without_changes_is_written_when_wished(empty_url: str, tmp_path: Path) -> None:
    schema = Schema(migrations=with_migrations(tmp_path / "migrations").migrations)
    upgrade(empty_url, schema, NAMES)
    (tmp_path / "migrations" / "script.py.mako").unlink(missing_ok=True)
    file = revise(empty_url, schema, "by hand", NAMES, empty=True)
    assert file is not None
    assert 'down_revision = "b2"' in file.read_text()
    assert upgrade(empty_url, schema, NAMES)


def test_a_revision_changes_a_table_in_a_way_that_sqlite_can_do(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "migrations")
    upgrade(empty_url, schema, NAMES)
    execute(empty_url, "INSERT INTO guests VALUES (1, 'Ada', 'ada@example.com')")
    fewer = Schema(tables=guests(), migrations=schema.migrations)
    assert revise(empty_url, fewer, "without emails", NAMES)
    assert upgrade(empty_url, fewer, NAMES)
    assert rows(empty_url, "guests") == [(1, "Ada")]


def test_types_are_written_so_that_the_revision_runs(empty_url: str, tmp_path: Path) -> None:
    metadata = sa.MetaData()
    moment, colour = sa.Column("at", UtcDateTime, nullable=False), sa.Column("colour", Colour)
    sa.Table("visits", metadata, sa.Column("id", sa.Integer, primary_key=True), moment, colour)
    schema = Schema(tables=metadata, migrations=tmp_path / "migrations")
    file = revise(empty_url, schema, "visits", NAMES)
    assert file is not None
    assert "sa.DateTime(timezone=True)" in file.read_text()
    assert upgrade(empty_url, schema, NAMES)
    assert revise(empty_url, schema, "again", NAMES) is None


def test_a_database_that_is_not_at_the_newest_revision_is_refused(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "migrations")
    files = written(schema)
    with pytest.raises(SettingsError) as caught:
        revise(empty_url, schema, "more", NAMES)
    expected = "GUESTBOOK_DATABASE_URL: this database is at no revision, and a new one follows b2: guestbook db upgrade"
    assert caught.value.problems == (expected,)
    assert written(schema) == files


def test_an_application_without_a_folder_or_without_tables_hears_what_to_give(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'guests.db'}"
    with pytest.raises(SettingsError, match=r'migrations=Path\(__file__\)\.parent / "migrations"'):
        revise(url, Schema(tables=guests()), "more", NAMES)
    with pytest.raises(SettingsError, match="tables=metadata"):
        revise(url, Schema(migrations=tmp_path / "migrations"), "more", NAMES)
    assert not any(tmp_path.iterdir())


def test_an_env_that_compares_another_database_writes_nothing(empty_url: str, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "env.py").write_text(OWN_CONNECTION)
    schema = Schema(tables=guests(), migrations=tmp_path / "migrations")
    with pytest.raises(SettingsError, match="it opened a connection of its own"):
        revise(empty_url, schema, "more", NAMES)
    assert written(schema) == []


def test_writing_a_revision_leaves_the_database_as_it_is(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "app" / "migrations")
    upgrade(empty_url, schema, NAMES)
    before = contents(empty_url)
    revise(empty_url, Schema(tables=guests("email", "town"), migrations=schema.migrations), "towns", NAMES)
    assert contents(empty_url) == before


def test_a_database_that_does_not_answer_is_told_in_words(tmp_path: Path) -> None:
    schema = Schema(tables=guests(), migrations=tmp_path / "migrations")
    with pytest.raises(StorageUnavailable):
        revise("postgresql+psycopg://nobody@127.0.0.1:1/nothing", schema, "begin", NAMES)


ENUM = """
from sqlalchemy.dialects import postgresql
kind = postgresql.ENUM("small", "large", name="kind", create_type=False)
kind.create(op.get_bind(), checkfirst=True)
columns = sa.Column("id", sa.Integer, primary_key=True), sa.Column("kind", kind)
op.create_table("rooms", *columns, if_not_exists=True)
"""


@pytest.mark.parametrize("began", ["with tables", "with revisions"])
def test_an_enumeration_of_postgresql_is_taken_over_as_the_guide_says(
    postgres_url: str, tmp_path: Path, began: str
) -> None:
    metadata = sa.MetaData()
    kind: sa.Column[str] = sa.Column("kind", sa.Enum("small", "large", name="kind"))
    sa.Table("rooms", metadata, sa.Column("id", sa.Integer, primary_key=True), kind)
    if began == "with tables":
        upgrade(postgres_url, Schema(tables=metadata), NAMES)
    write_revision(tmp_path / "migrations", "a1", None, ENUM.strip())
    schema = Schema(tables=metadata, migrations=tmp_path / "migrations")
    assert upgrade(postgres_url, schema, NAMES)
    assert revise(postgres_url, schema, "nothing", NAMES) is None
